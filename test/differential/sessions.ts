import * as fc from 'fast-check';
import { manualKeyspace, type KeyspaceConsole } from '../../src/keyspace/manual-keyspace.ts';
import type { Reply } from '../../src/keyspace/reply.ts';
import { plain, type PlainReply } from './comparison.ts';
import type { DifferentialHarness } from './harness.ts';
import type { RespClient } from './resp-client.ts';
import { command, several } from './values.ts';

/** A command of one of three clients. */
export interface Step { readonly client: number; readonly args: readonly string[] }

/** Two keys, so that clients meet. */
const key = fc.constantFrom('a', 'b');
const value = fc.constantFrom('1', '2', '3');
const score = fc.constantFrom('1', '2');
const end = fc.constantFrom('LEFT', 'RIGHT');

/** Commands whose outcome depends on what other clients do: waiting for keys, and watching them. */
export const step: fc.Arbitrary<Step> = fc.record({
  client: fc.integer({ min: 0, max: 2 }),
  args: fc.oneof(
    { weight: 3, arbitrary: command('BLPOP', several(key), '0') }, { weight: 2, arbitrary: command('BRPOP', several(key), '0') },
    { weight: 2, arbitrary: command('BLMOVE', key, key, end, end, '0') }, command('BRPOPLPUSH', key, key, '0'),
    command('BLMPOP', '0', '2', key, key, end, 'COUNT', '2'), command('BZPOPMIN', several(key), '0'), command('BZPOPMAX', several(key), '0'),
    command('BZMPOP', '0', '1', key, 'MIN'), command('XREAD', 'BLOCK', '0', 'STREAMS', key, '0'),
    { weight: 5, arbitrary: command('RPUSH', key, several(value)) }, { weight: 3, arbitrary: command('ZADD', key, score, value) },
    command('XADD', key, '*', 'f', value).map(() => ['XADD', 'a', '5-1', 'f', 'v']), { weight: 3, arbitrary: command('SET', key, value) },
    { weight: 2, arbitrary: command('DEL', several(key)) }, command('RENAME', key, key), command('LPOP', key), command('SORT', key, 'STORE', key),
    { weight: 3, arbitrary: command('MULTI') }, { weight: 4, arbitrary: command('EXEC') }, { weight: 2, arbitrary: command('WATCH', several(key)) }, command('DISCARD'),
    command('FLUSHALL'), command('SWAPDB', '0', '1'), command('LLEN', key),
  ),
});

/** What each client was answered, in its order; a client that waits at the end has one reply less. */
export interface SessionsOutcome { readonly replies: readonly (readonly PlainReply[])[]; readonly blocked: number }

/**
 * Runs the steps on both sides. A client that waits sends nothing until it is answered: its steps are left out, which is the same on
 * both sides as long as both agree. The keyspace goes first, so that it is known what the server has to be waited for.
 */
export async function compareSessions(harness: DifferentialHarness, steps: readonly Step[]): Promise<{ readonly redis: SessionsOutcome; readonly foreshard: SessionsOutcome }> {
  const control = manualKeyspace();
  const ours = [control.another(), control.another(), control.another()];
  const oursReplies: PlainReply[][] = [[], [], []];
  const real = await Promise.all(ours.map(() => harness.connect()));
  const realReplies: PlainReply[][] = [[], [], []];
  await harness.ask([['FLUSHALL']]);
  try {
    const waiting = new Set<number>();
    for (const { client, args } of steps) {
      if (waiting.has(client)) continue;
      if (sendOurs(ours[client] as KeyspaceConsole, args, oursReplies[client] as PlainReply[]) === 'waits') waiting.add(client);
      collectLate(ours, oursReplies, waiting);
      (real[client] as RespClient).write([args]);
      await settle(harness, control.keyspace.blockedCount, real, realReplies, oursReplies);
    }
    return { redis: { replies: realReplies, blocked: await blockedClients(harness) }, foreshard: { replies: oursReplies, blocked: control.keyspace.blockedCount } };
  } finally {
    for (const client of real) client.close();
    await until(async () => (await blockedClients(harness)) === 0);
  }
}

function sendOurs(client: KeyspaceConsole, args: readonly string[], replies: PlainReply[]): 'waits' | 'answered' {
  let reply: Reply | undefined;
  let isLate = false;
  client.keyspace.execute(client.session, args, (given) => {
    if (isLate) client.late.push(given);
    else reply = given;
  });
  isLate = true;
  if (reply === undefined) return 'waits';
  replies.push(plain(reply));
  return 'answered';
}

function collectLate(ours: readonly KeyspaceConsole[], replies: readonly PlainReply[][], waiting: Set<number>): void {
  for (const [index, { late }] of ours.entries()) {
    if (late.length > 0) waiting.delete(index);
    replies[index]?.push(...late.splice(0).map(plain));
  }
}

/** Waits until the server has answered what the keyspace has, and as many clients wait for a key. Gives up after a while: then they differ. */
async function settle(harness: DifferentialHarness, blocked: number, real: readonly RespClient[], replies: readonly PlainReply[][], expected: readonly (readonly PlainReply[])[]): Promise<void> {
  await until(async () => {
    for (const [index, client] of real.entries()) replies[index]?.push(...client.available().map(plain));
    return expected.every((one, index) => (replies[index]?.length ?? 0) >= one.length) && (await blockedClients(harness)) === blocked;
  });
}

async function blockedClients(harness: DifferentialHarness): Promise<number> {
  const [info] = await harness.ask([['INFO', 'clients']]);
  return Number(/blocked_clients:(\d+)/.exec(typeof info === 'string' ? info : '')?.[1]);
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 2000;
  while (!(await isDone()) && Date.now() < deadline) await new Promise((resolve) => setImmediate(resolve));
}
