import { randomBytes } from 'node:crypto';
import { RedisClient, RedisCommandError, type RedisCommand, type RedisSend, type RedisValue } from '../gateways/redis/redis-client.ts';
import type { UpstreamAddress } from '../gateways/redis/upstream.ts';
import { printable, type ByteString } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';
import { redisFormat, type RedisLayout } from './redis-layout.ts';
import { openScript, redisScripts, type RedisScript } from './redis-scripts.ts';

/** Options of {@link RedisNodeLink}. */
export interface RedisNodeLinkOptions {
  readonly id: string;
  readonly address: UpstreamAddress;
  readonly database: number;
  readonly layout: RedisLayout;
  readonly timeoutMs: number;
  /** 0: keys do not expire. */
  readonly expiryMs: number;
  readonly allowEviction: boolean;
}

/** Rounds of SCAN with which a namespace is looked through: a million keys of the server. Beyond them a foreign key is found when it is met. */
const scanRounds = 100;
const scanCount = '10000';

/** A state node's way to its Redis: each new connection finds out which life this is, and errors of the server become ours. */
export class RedisNodeLink {
  readonly #options: RedisNodeLinkOptions;
  readonly #client: RedisClient;
  #life = '';
  #run = '';
  #isKnown = false;
  #maxBytes: number | null = null;
  #evictedAtStart = 0;
  #evictedBefore = 0;
  #evictedNow = 0;

  constructor(options: RedisNodeLinkOptions) {
    this.#options = options;
    this.#client = new RedisClient({ address: options.address, database: options.database, timeoutMs: options.timeoutMs, onConnect: (send) => this.#onConnect(send) });
  }

  /** The life the node was found in when it was last asked. */
  get life(): string {
    return this.#life;
  }

  /** The server's limit, in bytes; null: it has none. */
  get maxBytes(): number | null {
    return this.#maxBytes;
  }

  /** Sends commands at once; their replies in order, bulk strings as bytes where those are wanted. @throws ForeshardError `state_node_unreachable`, `state_node_full`, `namespace_foreign`, `state_node_evicts` */
  send(commands: readonly RedisCommand[], options: { readonly wantsBytes?: boolean } = {}): Promise<readonly RedisValue[]> {
    return this.#settled((batch) => this.#client.replies(batch, options), commands).catch((error: Error) => {
      throw this.#coded(error);
    });
  }

  /** The command that runs a script. */
  script({ sha1 }: RedisScript, keys: readonly ByteString[], args: readonly (ByteString | Uint8Array)[]): RedisCommand {
    return ['EVALSHA', sha1, String(keys.length), ...keys, ...args];
  }

  /** Which life this is now; begins one where the last is over. */
  async currentLife(): Promise<string> {
    const [reply] = await this.send([this.#openCommand()]);
    return this.#opened(reply as RedisValue);
  }

  /** Keys that the server has evicted since this node was connected, the server's own count. */
  async evictions(): Promise<number> {
    const [info] = await this.send([['INFO', 'stats']]);
    this.#evictedNow = infoNumber(info as string, 'evicted_keys') ?? 0;
    return this.#evictedBefore + this.#evictedNow - this.#evictedAtStart;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  async #onConnect(send: RedisSend): Promise<void> {
    const settled = (commands: readonly RedisCommand[]): Promise<readonly RedisValue[]> => this.#settled(send, commands);
    const [server, memory, stats] = (await settled([['INFO', 'server'], ['INFO', 'memory'], ['INFO', 'stats']])) as readonly string[];
    this.#noteRun(infoText(server as string, 'run_id') ?? '', infoNumber(stats as string, 'evicted_keys') ?? 0);
    this.#refuseEviction(memory as string);
    if (!this.#isKnown) await this.#refuseForeign(settled);
    this.#isKnown = true;
    await settled(redisScripts.map(({ text }) => ['SCRIPT', 'LOAD', text]));
    this.#opened((await settled([this.#openCommand()]))[0] as RedisValue);
  }

  #noteRun(run: string, evicted: number): void {
    if (run === this.#run) return;
    this.#evictedBefore += this.#evictedNow - this.#evictedAtStart;
    this.#evictedAtStart = evicted;
    this.#evictedNow = evicted;
    this.#run = run;
  }

  /** What a node acknowledged must not disappear by itself. `volatile-…` takes only what expires, and nothing expires in a namespace that is kept. */
  #refuseEviction(memory: string): void {
    const { id, expiryMs, allowEviction } = this.#options;
    const maxBytes = infoNumber(memory, 'maxmemory') ?? 0;
    const policy = infoText(memory, 'maxmemory_policy') ?? 'noeviction';
    this.#maxBytes = maxBytes === 0 ? null : maxBytes;
    const evicts = maxBytes > 0 && (policy.startsWith('allkeys-') || (policy.startsWith('volatile-') && expiryMs > 0));
    if (!evicts || allowEviction) return;
    throw new ForeshardError('state_node_evicts', `State node ${id} at ${this.#place} throws keys away when its ${maxBytes} bytes are full: maxmemory-policy ${policy}.`, {
      hint: 'Set maxmemory-policy noeviction on it, so that it says when it is full, or use a Redis of its own for state nodes.',
    });
  }

  async #refuseForeign(send: (commands: readonly RedisCommand[]) => Promise<readonly RedisValue[]>): Promise<void> {
    const { layout, id } = this.#options;
    let cursor = '0';
    for (let round = 0; round < scanRounds; round++) {
      const [reply] = await send([['SCAN', cursor, 'MATCH', layout.pattern, 'COUNT', scanCount]]);
      const [next, keys] = reply as unknown as readonly [string, readonly string[]];
      layout.refuseForeign(id, keys);
      if (next === '0') return;
      cursor = next;
    }
  }

  #openCommand(): RedisCommand {
    const { layout, expiryMs } = this.#options;
    return this.script(openScript, [layout.node], [layout.prefix, redisFormat, this.#run, randomBytes(5).toString('hex'), String(expiryMs)]);
  }

  #opened(reply: RedisValue): string {
    const [kind, text] = reply as readonly [string, string];
    if (kind === 'format') throw this.#options.layout.foreign(this.#options.id, this.#options.layout.node, `is of format ${printable(text)} of state nodes; this release writes ${redisFormat}`);
    this.#life = text;
    return text;
  }

  /** Replies without errors; scripts that the server has forgotten are loaded and run again. */
  #settled(send: RedisSend, commands: readonly RedisCommand[]): Promise<readonly RedisValue[]> {
    return send(commands).then((replies) => (replies.some(isError) ? this.#recovered(send, commands, [...replies]) : replies as readonly RedisValue[]));
  }

  async #recovered(send: RedisSend, commands: readonly RedisCommand[], replies: (RedisValue | RedisCommandError)[]): Promise<readonly RedisValue[]> {
    const forgotten = [...replies.keys()].filter((place) => (replies[place] as { message?: string } | null)?.message?.startsWith('NOSCRIPT') === true);
    if (forgotten.length > 0) {
      const again = await send([...redisScripts.map(({ text }) => ['SCRIPT', 'LOAD', text]), ...forgotten.map((place) => commands[place] as RedisCommand)]);
      for (const [index, place] of forgotten.entries()) replies[place] = again[redisScripts.length + index] as RedisValue;
    }
    return replies.map((reply, place) => {
      if (isError(reply)) throw this.#refused(reply, commands[place] as RedisCommand);
      return reply;
    });
  }

  #refused(error: RedisCommandError, command: RedisCommand): Error {
    const { id, layout } = this.#options;
    if (error.message.startsWith('OOM')) {
      return new ForeshardError('state_node_full', `State node ${id} at ${this.#place} is out of memory: ${error.message}.`, { hint: 'Raise its maxmemory or add a state node.', cause: error });
    }
    if (error.message.includes('WRONGTYPE')) {
      const keys = command[0] === 'EVALSHA' ? command.slice(3, 3 + Number(command[2])) : command.slice(1, 2);
      return layout.foreign(id, String(keys.at(-1) ?? layout.prefix), `or one that begins with ${printable(layout.prefix)} holds something of another kind (${error.message})`);
    }
    return error;
  }

  #coded(error: Error): ForeshardError {
    if (error instanceof ForeshardError && !error.code.startsWith('upstream_')) return error;
    return new ForeshardError('state_node_unreachable', `State node ${this.#options.id} at ${this.#place} failed: ${error.message}.`, {
      hint: 'Start it, or take its address out of the state nodes.', cause: error,
    });
  }

  get #place(): string {
    return `${this.#options.address.host}:${this.#options.address.port}`;
  }
}

function isError(reply: RedisValue | RedisCommandError): reply is RedisCommandError {
  return reply instanceof RedisCommandError;
}

function infoText(info: string, field: string): string | undefined {
  return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}

function infoNumber(info: string, field: string): number | undefined {
  const text = infoText(info, field);
  return text === undefined ? undefined : Number(text);
}
