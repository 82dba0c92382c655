// What the two commands share: dependencies, a build, and on Debian the real servers. Needs nothing but Node.js and npm.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

export function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error !== undefined) throw result.error;
  return result.status ?? 1;
}

/** Standard output is left to the command that prepares itself: `bench --json` prints one object there and nothing else. */
function mustRun(command, args) {
  const status = run(command, args, { stdio: ['inherit', process.stderr, 'inherit'] });
  if (status !== 0) process.exit(status);
}

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`Node.js 20.19 or newer is needed; this is ${process.version}`);
  process.exit(2);
}

/** Dependencies as the lock file names them, unless they are installed already. Not npm ci: it fails where a registry lacks the builds for other platforms. */
export function installDependencies() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const lock = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  mustRun('npm', ['install', '--no-save', '--no-audit', '--no-fund']);
}

function newest(folder) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

/** tsc, unless dist is newer than every source. */
export function build() {
  const built = join(root, 'dist/index.js');
  const sources = Math.max(newest(join(root, 'src')), statSync(join(root, 'tsconfig.build.json')).mtimeMs);
  if (existsSync(built) && statSync(built).mtimeMs >= sources) return;
  mustRun('npm', ['run', '--silent', 'build']);
}

const debianPackages = { 'redis-server': '/usr/bin/redis-server', memcached: '/usr/bin/memcached', 'python3-redis': '/usr/lib/python3/dist-packages/redis', python3: '/usr/bin/python3', iproute2: '/usr/bin/ip', chromium: '/usr/bin/chromium', 'fonts-dejavu-core': '/usr/share/fonts/truetype/dejavu', wrk: '/usr/bin/wrk', faketime: '/usr/bin/faketime', prometheus: '/usr/bin/prometheus' };

/** The real servers of the tests, by apt on Debian as root; elsewhere the tests that need them say loudly that they are skipped. */
export function installServers(names) {
  const present = (name) => existsSync(debianPackages[name]) || (name === 'iproute2' && existsSync('/sbin/ip'));
  const missing = names.filter((name) => !present(name));
  if (missing.length === 0) return;
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) {
    console.error(`\n*** not installed: ${missing.join(', ')}; the tests that need them will be SKIPPED (on Debian, as root, they are installed by themselves) ***\n`);
    return;
  }
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env: environment });
  // The packaged service is not wanted, only the program: nothing may start by itself.
  const status = run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', '-o', 'Dpkg::Use-Pty=0', ...missing], { env: { ...environment, RUNLEVEL: '1' }, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0 && process.env.CI) process.exit(status);
}
