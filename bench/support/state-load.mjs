/** Readers of revisions on state nodes, and the redis-servers these are. */
import { randomInt } from 'node:crypto';
import { tmpdir } from 'node:os';
import { listening, start } from './processes.mjs';

const readers = 16;
const batch = 10;

/** A redis-server on this port that keeps nothing on disk. */
export async function startServer(port) {
  const server = start(['redis-server', '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', tmpdir()]);
  await listening(port, server);
  return { ...server, port };
}

/** Readers that ask for ten revisions at a time, one request after the other, and check every byte; latencies by phase, beginning with the first. */
export function startLoad({ router, items }, phases) {
  const load = {
    phase: phases[0], batch, failed: 0, wrong: 0, reads: 0, worst: [],
    latencies: Object.fromEntries(phases.map((phase) => [phase, []])), spent: Object.fromEntries(phases.map((phase) => [phase, 0])),
  };
  let isOver = false;
  const readOnce = async () => {
    const wanted = Array.from({ length: batch }, () => items[randomInt(items.length)]);
    const { phase } = load;
    const startedAt = performance.now();
    const got = await router.fetch(wanted.map(({ key, revision, hash }) => ({ key, revision, hash }))).catch(() => []);
    load.latencies[phase].push(performance.now() - startedAt);
    load.reads += 1;
    if (got.length === 0 || got.includes(undefined)) load.failed += 1;
    for (const [index, bytes] of got.entries()) if (bytes !== undefined && !wanted[index].bytes.equals(bytes)) load.wrong += 1;
  };
  const reading = Array.from({ length: readers }, async () => {
    while (!isOver) await readOnce();
  });
  return Object.assign(load, {
    /** Lets the load run for a while and counts it as this phase. */
    run: async (phase, work) => {
      load.phase = phase;
      const startedAt = performance.now();
      const value = await work();
      load.spent[phase] += performance.now() - startedAt;
      return value;
    },
    stop: async () => {
      isOver = true;
      await Promise.all(reading);
    },
  });
}

