import { MemcachedClient, type MemcachedCommand } from '../gateways/memcached/memcached-client.ts';
import { replyFlag, type MemcachedReply } from '../gateways/memcached/memcached-parser.ts';
import { ForeshardError } from '../model/errors.ts';

/** Options of {@link MemcachedLink}. */
export interface MemcachedLinkOptions {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
  /** Items expire this long after they were last used; 0: never. */
  readonly expiryMs: number;
}

/** An item with the token that says whether it is still the same; undefined bytes: there is none. */
export interface MemcachedItem {
  readonly bytes: Buffer | undefined;
  readonly flags: number;
  readonly cas: string;
}

/** How an item is stored: whatever is there, only where nothing is, or only where this very item is still there. */
export type StoreMode = 'always' | 'absent' | { readonly cas: string };

/** What an item is besides its bytes: key, overhead of memcached, flags. A margin, so that an item of this release always fits. */
const itemOverheadBytes = 1024;

/** A state node's way to its memcached: its limits, and errors of the server become ours. */
export class MemcachedLink {
  readonly #options: MemcachedLinkOptions;
  readonly #client: MemcachedClient;
  #itemBytes = 1024 * 1024 - itemOverheadBytes;
  #maxBytes = 0;
  #evicted: { readonly before: number; readonly start: number; readonly now: number } | undefined;

  constructor(options: MemcachedLinkOptions) {
    this.#options = options;
    this.#client = new MemcachedClient({
      host: options.host, port: options.port, timeoutMs: options.timeoutMs,
      onConnect: async (send) => this.#opened(await send([{ line: 'version' }, { line: 'stats settings' }, { line: 'stats' }])),
    });
  }

  /** The most bytes in one item. */
  get itemBytes(): number {
    return this.#itemBytes;
  }

  /** What the server may hold altogether. */
  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** Sends commands at once; their replies in order. @throws ForeshardError `state_node_unreachable`, `state_node_full` */
  async send(commands: readonly MemcachedCommand[]): Promise<MemcachedReply[]> {
    if (commands.length === 0) return [];
    let replies: MemcachedReply[];
    try {
      replies = await this.#client.send(commands);
    } catch (error) {
      throw this.#unreachable((error as Error).message, error as Error);
    }
    for (const [index, reply] of replies.entries()) if (reply.status.endsWith('ERROR')) throw this.#refused(reply, commands[index] as MemcachedCommand);
    return replies;
  }

  /** Items by key, in order. Using them keeps them from expiring. */
  async get(keys: readonly string[]): Promise<MemcachedItem[]> {
    return (await this.send(keys.map((key) => ({ line: `mg ${key} v f c${this.expiry}` })))).map((reply) => ({
      bytes: reply.value, flags: Number(replyFlag(reply, 'f') ?? 0), cas: replyFlag(reply, 'c') ?? '',
    }));
  }

  /** The command that stores an item. */
  store(key: string, bytes: Uint8Array, mode: StoreMode, flags = 0): MemcachedCommand {
    const how = mode === 'always' ? '' : mode === 'absent' ? ' ME' : ` C${mode.cas}`;
    return { line: `ms ${key} ${bytes.length} c F${flags}${this.expiry}${how}`, data: bytes };
  }

  /** The flag that lets an item expire, or nothing. Above 30 days memcached takes seconds for a date. */
  get expiry(): string {
    const seconds = Math.ceil(this.#options.expiryMs / 1000);
    if (seconds === 0) return '';
    return ` T${seconds <= 2_592_000 ? seconds : Math.floor(Date.now() / 1000) + seconds}`;
  }

  /** Items that the server has thrown away by itself since this node was connected: the server's own count, of all it holds. */
  async evictions(): Promise<number> {
    const [reply] = await this.send([{ line: 'stats' }]);
    this.#noteEvicted(reply as MemcachedReply);
    const { before, start, now } = this.#evicted ?? { before: 0, start: 0, now: 0 };
    return before + now - start;
  }

  /** Whether the server has thrown anything away since it was started: then what is noted need not be there. */
  async hasEvicted(): Promise<boolean> {
    await this.evictions();
    return (this.#evicted?.now ?? 0) > 0;
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  #opened([version, settings, stats]: readonly MemcachedReply[]): void {
    const [major = 0, minor = 0] = (version?.text ?? '').split('.').map(Number);
    if (version?.status !== 'VERSION' || major < 1 || (major === 1 && minor < 6)) {
      throw new Error(`memcached 1.6 or newer is needed; it says ${version?.status} ${version?.text}`);
    }
    const limit = Number(settings?.stats?.get('item_size_max') ?? 1024 * 1024);
    this.#itemBytes = limit - itemOverheadBytes;
    this.#maxBytes = Number(settings?.stats?.get('maxbytes') ?? 0);
    this.#noteEvicted(stats as MemcachedReply);
  }

  /** A count that falls was begun again by a server that was started again. */
  #noteEvicted({ stats }: MemcachedReply): void {
    const now = Number(stats?.get('evictions') ?? 0);
    const last = this.#evicted ?? { before: 0, start: now, now };
    this.#evicted = now < last.now ? { before: last.before + last.now - last.start, start: 0, now } : { ...last, now };
  }

  #refused(reply: MemcachedReply, { line }: MemcachedCommand): ForeshardError {
    if (reply.text.includes('out of memory')) {
      return new ForeshardError('state_node_full', `State node ${this.#options.id} at ${this.#place} is out of memory: ${reply.text}.`, { hint: 'Give memcached more memory (-m) or add a state node.' });
    }
    return this.#unreachable(`${reply.status} ${reply.text} at ${line.slice(0, 120)}`);
  }

  #unreachable(what: string, cause?: Error): ForeshardError {
    return new ForeshardError('state_node_unreachable', `State node ${this.#options.id} at ${this.#place} failed: ${what}.`, {
      hint: 'Start it, or take its address out of the state nodes.', cause,
    });
  }

  get #place(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }
}
