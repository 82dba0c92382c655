import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisRecordingSink } from '../../src/gateways/redis/recording-sink.ts';
import { encodeCommand } from '../../src/gateways/redis/resp-encoder.ts';
import { ReplyParser } from '../../src/gateways/redis/resp-parser.ts';
import type { Reply } from '../../src/keyspace/reply.ts';
import type { Element } from '../../src/model/element.ts';
import type { OutcomeHint, RecordedProblem, RequestId, RevisionCause } from '../../src/model/recording.ts';
import type { StateKey } from '../../src/model/state-key.ts';

/** Whether redis-server can be run; its absence is an error in CI. */
export function hasRedisServer(): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (!found && process.env['CI'] !== undefined) throw new Error('redis-server is not installed, and in CI nothing may be skipped: apt-get install redis-server');
  if (!found) process.stderr.write('SKIPPED: redis-server is not installed, so the recording gateway is not tested against a real one\n');
  return found;
}

/** A redis-server of our own on a TCP port. */
export interface TcpRedis {
  readonly port: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a redis-server without persistence on a free port (or the given one). */
export async function startTcpRedis(options: { readonly args?: readonly string[]; readonly port?: number } = {}): Promise<TcpRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'foreshard-gateway-'));
  const port = options.port ?? await freePort();
  const child = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--hz', '100', '--dir', folder, ...options.args ?? []], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const deadline = Date.now() + 10_000;
  while (!(await answers(port))) {
    if (Date.now() > deadline || child.exitCode !== null) {
      child.kill('SIGKILL');
      throw new Error('redis-server did not start');
    }
    await sleep(20);
  }
  return {
    port, process: child,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => finish(true)).once('error', () => finish(false));
    socket.once('connect', () => socket.write('PING\r\n'));
    const finish = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
  });
}

/** Waits this long. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Polls until it holds. */
export async function until(holds: () => boolean, what: string, timeoutMs = 5000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(2);
  }
}

/** A plain client: what is called with one tick's commands is written at once. */
export class RawClient {
  readonly socket: Socket;
  readonly #waiting: ((reply: Reply) => void)[] = [];
  /** Replies nobody waited for. */
  readonly extra: Reply[] = [];
  isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    const parser = new ReplyParser((reply) => {
      const next = this.#waiting.shift();
      if (next === undefined) this.extra.push(reply);
      else next(reply);
    });
    socket.on('data', (chunk) => parser.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
    });
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('connect', () => resolve(new RawClient(socket)));
      socket.once('error', reject);
    });
  }

  call(...args: string[]): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.socket.write(encodeCommand(args), 'latin1');
    });
  }

  pipeline(commands: readonly (readonly string[])[]): Promise<Reply[]> {
    const replies = commands.map(() => new Promise<Reply>((resolve) => this.#waiting.push(resolve)));
    this.socket.write(commands.map(encodeCommand).join(''), 'latin1');
    return Promise.all(replies);
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A revision as the sink was told of it. */
export interface SeenRevision {
  readonly revision: number;
  readonly element: Element | null;
  readonly cause: RevisionCause;
  readonly by: RequestId | null;
}

/** A touch as the sink was told of it. */
export interface SeenTouch {
  readonly by: RequestId | null;
  readonly key: StateKey;
  readonly revision: number;
  readonly read: boolean;
  readonly written: boolean;
}

/** Keeps all it is told, as the record stage would: equal content gives no new revision. */
export class MemorySink implements RedisRecordingSink {
  readonly chains: Map<StateKey, SeenRevision[]> = new Map();
  readonly touches: SeenTouch[] = [];
  readonly hints: { readonly by: RequestId | null; readonly hint: OutcomeHint }[] = [];
  readonly commands: { readonly by: RequestId | null; readonly name: string }[] = [];
  readonly problems: { readonly by: RequestId | null; readonly problem: RecordedProblem }[] = [];
  readonly losses: { readonly code: string; readonly message: string }[] = [];
  readonly completed: string[] = [];
  /** The request now on a lane; a tag names its request itself. */
  readonly current: Map<string, RequestId> = new Map();

  requestOf(lane: string, tag: string | null): RequestId | null {
    return tag ?? this.current.get(lane) ?? null;
  }

  revision(key: StateKey, element: Element | null, cause: RevisionCause, by: RequestId | null): number {
    const chain = this.chains.get(key) ?? [];
    this.chains.set(key, chain);
    const newest = chain.at(-1);
    if (newest !== undefined && contentOf(newest.element) === contentOf(element)) return newest.revision;
    chain.push({ revision: chain.length + 1, element: structuredClone(element), cause, by });
    return chain.length;
  }

  touch(by: RequestId | null, key: StateKey, revision: number, access: { read: boolean; written: boolean }): void {
    this.touches.push({ by, key, revision, ...access });
  }

  readonly listings: (RequestId | null)[] = [];

  listing(by: RequestId | null): void {
    this.listings.push(by);
  }

  hint(by: RequestId | null, hint: OutcomeHint): void {
    this.hints.push({ by, hint });
  }

  command(by: RequestId | null, name: string): void {
    this.commands.push({ by, name });
  }

  problem(by: RequestId | null, problem: RecordedProblem): void {
    this.problems.push({ by, problem });
  }

  loss(code: string, message: string): void {
    this.losses.push({ code, message });
  }

  complete(scope: string): void {
    this.completed.push(scope);
  }

  /** The newest element of a key; undefined when the key was never seen. */
  newest(key: StateKey): Element | null | undefined {
    return this.chains.get(key)?.at(-1)?.element;
  }

  touchesOf(by: RequestId): SeenTouch[] {
    return this.touches.filter((touch) => touch.by === by);
  }
}

/** Content without the order of hashes and sets. */
export function contentOf(element: Element | null): string {
  if (element === null) return 'absent';
  const { value } = element;
  const sorted = value.type === 'hash' ? { type: 'hash', fields: value.fields.map((pair) => JSON.stringify(pair)).sort() }
    : value.type === 'set' ? { type: 'set', members: [...value.members].sort() } : value;
  return JSON.stringify([sorted, element.expiresAtMs]);
}
