// Elements on three state nodes, one of which dies: node examples/cluster/run.js [redis://host:port of a coordinator]
// Without a coordinator it starts a redis-server for itself; `npm run build` comes first.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { connectState, membersOf, startSteward } from 'foreshard';

const cli = fileURLToPath(new URL('../../bin/foreshard.js', import.meta.url));
const children = [];

/** Starts a program and waits until it says something; gives the process and what its words hold. */
async function start(file, args, says) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        text += chunk;
        const found = says.exec(text);
        if (found !== null) resolve({ child, found });
      });
    }
    child.once('exit', () => reject(new Error(`${file} ended: ${text}`)));
  });
}

async function ownCoordinator() {
  if (spawnSync('redis-server', ['--version']).status !== 0) {
    console.log('skipped: there is no redis-server; give the address of a coordinator');
    process.exit(0);
  }
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await start('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', ''], /Ready to accept connections/);
  return `redis://127.0.0.1:${port}`;
}

try {
  const coordinator = process.argv[2] ?? await ownCoordinator();
  const nodes = await Promise.all([1, 2, 3].map(() => start(process.execPath, [cli, 'node', '--port', '0'], /foreshard:\/\/\S+/)));
  const cluster = { coordinator, namespace: `example-${process.pid}` };
  const steward = await startSteward({ ...cluster, stateNodes: membersOf(nodes.map(({ found }) => found[0])), replicas: 3 });
  const { client, close } = await connectState({ ...cluster, waitMs: 60_000 });

  const carts = Array.from({ length: 100 }, (_, id) => `shop:carts/${id}`);
  await client.put(carts.map((key) => ({ key, bytes: Buffer.from('two apples') })));
  console.log(`${carts.length} carts are on ${nodes.length} state nodes`);

  const [{ child }] = nodes;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  console.log('one state node is dead');

  const before = await client.get(carts);
  await client.put(before.map(({ key, context }) => ({ key, context, bytes: Buffer.from('one apple') })));
  const after = await client.get(carts);
  const count = (found, text) => found.filter(({ bytes }) => Buffer.from(bytes ?? '').toString() === text).length;
  console.log(`${count(before, 'two apples')} carts were read, ${count(after, 'one apple')} written and read again`);
  await close();
  await steward.stop();
} finally {
  for (const child of children) child.kill('SIGTERM');
}
