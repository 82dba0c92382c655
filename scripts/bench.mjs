// npm run bench -- <name>: measures one claim of the README and prints its figures with the machine. --list names them, --json prints one object.
// A bench may have numbers to choose, `export const options`: --kills=5 sets one.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installDependencies, installServers, root } from './setup.mjs';

const folder = join(root, 'bench');
const names = readdirSync(folder).filter((file) => file.endsWith('.mjs')).map((file) => file.slice(0, -'.mjs'.length)).sort();
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const [name, ...more] = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const optionFlag = /^--([a-z]+)=(\d+)$/;
const chosen = Object.fromEntries(flags.flatMap((flag) => {
  const [, option, value] = optionFlag.exec(flag) ?? [];
  return option === undefined ? [] : [[option, Number(value)]];
}));
const unknown = flags.find((flag) => flag !== '--list' && flag !== '--json' && !optionFlag.test(flag));
const asJson = flags.includes('--json');

if (flags.includes('--list')) {
  console.log(names.join('\n'));
} else if (name === undefined || more.length > 0 || unknown !== undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- <name> [--json] [--option=number]\n       npm run bench -- --list\n\nnames: ${names.join(' ')}`);
  process.exit(2);
} else {
  installDependencies();
  build();
  await run();
}

async function run() {
  const { measure, claim, options = {}, servers = ['redis-server', 'wrk'] } = await import(pathToFileURL(join(folder, `${name}.mjs`)).href);
  const misfit = Object.keys(chosen).find((option) => !(option in options));
  if (misfit !== undefined) {
    console.error(`--${misfit}: ${name} has ${Object.entries(options).map(([option, value]) => `--${option}=${value}`).join(' ') || 'no options'}`);
    process.exit(2);
  }
  installServers(servers);
  const { machine, rounded, table } = await import(pathToFileURL(join(folder, 'support/measure.mjs')).href);
  const before = machine();
  const startedAt = performance.now();
  const figures = (await measure({ ...options, ...chosen })).map(({ name, value, unit, goal = null, anchor = null }) => ({ name, value: rounded(value), unit, goal, anchor }));
  if (asJson) {
    console.log(JSON.stringify({ name, machine: before, figures }));
  } else {
    const { cores, model, memoryGb, node, loadAverage } = before;
    console.log(`${name}: ${claim}\n\n${table(figures)}\n`);
    console.log(`${cores} cores, ${model}, ${memoryGb} GB, Node.js ${node}, load average ${loadAverage.join(' ')}; ${Math.round((performance.now() - startedAt) / 1000)} s`);
  }
  process.exit(0); // connections that a library keeps open must not keep this alive
}
