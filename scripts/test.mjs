// npm test: installs what is missing, builds, checks and runs every test.
import { build, installDependencies, installServers, run } from './setup.mjs';

installDependencies();
installServers(['redis-server', 'memcached', 'python3', 'python3-redis', 'iproute2', 'faketime', 'chromium', 'fonts-dejavu-core', 'prometheus']);
build();
const only = process.argv.slice(2);
if (only.length === 0) {
  for (const [command, ...args] of [['npx', 'tsc', '-p', 'tsconfig.json'], ['npx', 'oxlint', '--type-aware']]) {
    const status = run(command, args);
    if (status !== 0) process.exit(status);
  }
}
process.exit(run('npx', ['vitest', 'run', ...only]));
