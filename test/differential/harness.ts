import { Keyspace } from '../../src/keyspace/keyspace.ts';
import type { Reply } from '../../src/keyspace/reply.ts';
import { commandSpec } from '../../src/keyspace/registry.ts';
import { newSession } from '../../src/keyspace/session.ts';
import type { OutcomeHint } from '../../src/model/recording.ts';
import { comparable, plain, type PlainReply } from './comparison.ts';
import { outcomeHints } from './outcomes.ts';
import { startRealRedis, type RealRedis } from './real-redis.ts';
import { RespClient } from './resp-client.ts';
import { keys } from './values.ts';

/** A reply that differs, with what led to it. */
export interface Difference {
  readonly command: string;
  readonly index: number;
  readonly redis: PlainReply;
  readonly foreshard: PlainReply;
}

const prologue: readonly (readonly string[])[] = [['RESET'], ['FLUSHALL']];

/** All that can be seen of the final state: every key's type, expiry and value in both databases that commands use. */
const epilogue: readonly (readonly string[])[] = [
  ['RESET'],
  ...['0', '1'].flatMap((database) => [
    ['SELECT', database], ['DBSIZE'], ['KEYS', '*'],
    ...keys.flatMap((key) => [
      ['TYPE', key], ['PTTL', key], ['GET', key], ['LRANGE', key, '0', '-1'], ['HGETALL', key], ['SMEMBERS', key], ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
      ...(commandSpec('xrange') === undefined ? [] : [['XRANGE', key, '-', '+'], ['XINFO', 'GROUPS', key]]),
    ]),
  ]),
];

/** A real redis-server and what compares the keyspace with it. */
export class DifferentialHarness {
  readonly #redis: RealRedis;
  readonly #client: RespClient;

  private constructor(redis: RealRedis, client: RespClient) {
    this.#redis = redis;
    this.#client = client;
  }

  static async start(): Promise<DifferentialHarness> {
    const redis = await startRealRedis();
    return new DifferentialHarness(redis, new RespClient(await redis.connect()));
  }

  async stop(): Promise<void> {
    this.#client.close();
    await this.#redis.stop();
  }

  /** What the real server answers. */
  async ask(commands: readonly (readonly string[])[]): Promise<PlainReply[]> {
    return (await this.#client.send(commands)).map(plain);
  }

  /** Another connection to the same server. */
  async connect(): Promise<RespClient> {
    return new RespClient(await this.#redis.connect());
  }

  /** Runs the commands on an empty server and an empty keyspace, then looks at all keys; the first differences. */
  async compare(commands: readonly (readonly string[])[]): Promise<Difference[]> {
    const all = [...prologue, ...commands, ...epilogue];
    const real = await this.ask(all);
    return differences(all, real, runOnKeyspace(all, outcomeHints(all, real)));
  }
}

/** The replies that differ, at most three. */
export function differences(commands: readonly (readonly string[])[], real: readonly PlainReply[], ours: readonly PlainReply[]): Difference[] {
  const found: Difference[] = [];
  const queued: (readonly string[])[] = [];
  for (const [index, args] of commands.entries()) {
    const name = (args[0] ?? '').toUpperCase();
    const [redis, foreshard] = name === 'EXEC'
      ? comparableTransaction(queued, real[index] ?? null, ours[index] ?? null)
      : comparable(args, real[index] ?? null, ours[index] ?? null);
    if (!isEqual(redis, foreshard)) found.push({ command: args.map((arg) => JSON.stringify(arg)).join(' '), index, redis, foreshard });
    if (found.length === 3) break;
    if (name === 'MULTI' || name === 'DISCARD' || name === 'EXEC' || name === 'RESET') queued.length = 0;
    else if (isEqual(real[index] ?? null, { simple: 'QUEUED' })) queued.push(args);
  }
  return found;
}

function comparableTransaction(queued: readonly (readonly string[])[], real: PlainReply, ours: PlainReply): readonly [PlainReply, PlainReply] {
  if (!Array.isArray(real) || !Array.isArray(ours) || real.length !== ours.length) return [real, ours];
  const pairs = queued.map((args, index) => comparable(args, real[index] as PlainReply, ours[index] as PlainReply));
  return [pairs.map(([one]) => one), pairs.map(([, one]) => one)];
}

/** The keyspace's replies to the same commands. Time stands still but for timeouts, which pass at once. */
export function runOnKeyspace(commands: readonly (readonly string[])[], hints: readonly OutcomeHint[]): PlainReply[] {
  let timeouts: (() => void)[] = [];
  const keyspace = new Keyspace({
    now: () => Date.now(), random: Math.random, hints,
    after: (_ms, action) => {
      timeouts.push(action);
      return () => {
        timeouts = timeouts.filter((one) => one !== action);
      };
    },
  });
  const session = newSession(() => {});
  return commands.map((args) => {
    let reply: Reply | undefined;
    keyspace.execute(session, args, (given) => {
      reply = given;
    });
    for (const timeout of timeouts) timeout();
    if (reply === undefined) throw new Error(`no reply to ${args.join(' ')}`);
    return plain(reply);
  });
}

function isEqual(a: PlainReply, b: PlainReply): boolean {
  return JSON.stringify(a, bigintText) === JSON.stringify(b, bigintText);
}

function bigintText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}n` : value;
}
