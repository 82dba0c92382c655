/** Latency through the recording Redis gateway against straight to the redis-server, one connection, one command at a time. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { interleaved, median, quantile } from './support/measure.mjs';
import { pinSelf, start, startRedis, temporaryFolder } from './support/processes.mjs';
import { command, connectRaw } from './support/raw-resp.mjs';

export const claim = 'middle latency of a command through the recording Redis gateway ÷ straight to the server';

const operations = 1500;
const keys = 100;
const value = 'v'.repeat(1024);

export async function measure() {
  pinSelf(0); // the client on one core, the servers on the other
  const redis = await startRedis({ core: 1 });
  const script = fileURLToPath(new URL('support/gateway.mjs', import.meta.url));
  const gateway = start([process.execPath, script], { core: 1, env: { BENCH_GATEWAY: JSON.stringify({ folder: join(temporaryFolder(), 'recording'), upstreamPort: redis.port }) } });
  try {
    const { port, path, pipePort } = JSON.parse(await gateway.firstLine);
    const ways = { gateway: port, ...(path === undefined ? {} : { local: path }), pipe: pipePort, direct: redis.port };
    const clients = Object.fromEntries(await Promise.all(Object.entries(ways).map(async ([name, address]) => [name, await connectRaw(address)])));
    for (let key = 0; key < keys; key++) await clients.gateway.send(command('SET', `key:${key}`, value));
    const figures = [...(await measureCommand('GET', (n) => command('GET', `key:${n % keys}`), clients)), ...(await measureCommand('SET', (n) => command('SET', `key:${n % keys}`, `${n}${value}`), clients))];
    for (const client of Object.values(clients)) client.close();
    return figures;
  } finally {
    await gateway.stop();
    await redis.stop();
  }
}

async function measureCommand(name, commandOf, clients) {
  const samples = await interleaved({ count: 11, warmUp: 3, variants: Object.fromEntries(Object.entries(clients).map(([way, client]) => [way, () => middleMicros(client, commandOf)])) });
  const direct = Math.round(median(samples.direct));
  const ratio = (way, base) => median(samples[way].map((micros, index) => micros / samples[base][index]));
  return [
    { name: `${name} of 1 KB through the gateway`, value: ratio('gateway', 'direct'), unit: 'ratio', goal: '<= 1.8', anchor: `${direct} µs direct` },
    ...(samples.local === undefined ? [] : [{ name: '  by its Unix socket, as the preload leads services', value: ratio('local', 'direct'), unit: 'ratio', goal: '<= 1.8', anchor: `${direct} µs direct` }]),
    { name: '  gateway ÷ a byte pipe in Node.js', value: ratio('gateway', 'pipe'), unit: 'ratio', anchor: `${Math.round(median(samples.pipe))} µs through the pipe` },
  ];
}

async function middleMicros(client, commandOf) {
  const micros = [];
  for (let n = 0; n < operations; n++) {
    const text = commandOf(n);
    const startedAt = performance.now();
    await client.send(text);
    micros.push((performance.now() - startedAt) * 1000);
  }
  return quantile(micros, 0.5);
}
