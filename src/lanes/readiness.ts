import { readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { deferred } from '../lib/deferred.ts';
import { ForeshardError } from '../model/errors.ts';
import type { LocalAddress } from '../model/preload-protocol.ts';
import type { Launched } from './launch.ts';
import { living } from './live-children.ts';
import { processName } from './naming.ts';
import { listeningSockets } from './ports.ts';
import type { PreloadLink } from './preload-link.ts';
import { hasProc } from './proc.ts';

/** Where a ready service is reached. */
export interface Ready {
  readonly address: LocalAddress;
  /** It listens through a listener that the preload moved. */
  readonly preloaded: boolean;
}

/** What readiness is judged by. */
export interface ReadinessOptions {
  readonly launched: Launched;
  readonly link: PreloadLink;
  /** The service may have the preload in it: a Node.js process that listens is about to report it. */
  readonly mayBePreloaded: boolean;
  /** Ports it may listen on, the likeliest first. */
  readonly ports: readonly number[];
  /** The first of them was named by the user. */
  readonly isPortNamed: boolean;
  readonly readyPath: string | undefined;
  readonly timeoutMs: number;
  /** For messages. */
  readonly name: string;
  /** Output that says that it will never be ready. */
  readonly hopeless?: RegExp;
  /** It runs in a network namespace. */
  readonly ownNetwork: boolean;
  /** Gives up when it is aborted. */
  readonly signal: AbortSignal | undefined;
}

const shownLines = 20;

/** How long a Node.js process that listens may take to report it, before it is taken for one that ignores the preload (a bundled binary). */
const reportGraceMs = 2_000;
/** How long a service that listens elsewhere may take to listen where it is expected: what it opens first may be for its metrics. */
const portGraceMs = { named: 3_000, offered: 500 };

/**
 * Waits until the service listens where it is expected (elsewhere only after a while) and, where a path is given, answers it with a status below
 * 500 that is not 404. Polls every few ms.
 * @throws ForeshardError `service_died` when it ends first, `service_not_ready` when time is up, both with its last output; `interrupted`
 */
export async function waitReady(options: ReadinessOptions): Promise<Ready> {
  const interrupted = deferred<string>();
  const interrupt = (): void => interrupted.resolve('interrupted');
  options.signal?.addEventListener('abort', interrupt, { once: true });
  try {
    return await poll(options, interrupted.promise);
  } finally {
    options.signal?.removeEventListener('abort', interrupt);
  }
}

async function poll(options: ReadinessOptions, interrupted: Promise<string>): Promise<Ready> {
  const { launched } = options;
  const deadline = performance.now() + options.timeoutMs;
  const search = new ListenerSearch(options);
  let ended = false;
  void launched.exited.then(() => {
    ended = true;
  });
  let tried = search.describe();
  for (let pauseMs = 2; ; pauseMs = Math.min(pauseMs * 1.2, 20)) {
    if (options.signal?.aborted === true) throw new ForeshardError('interrupted', `interrupted while waiting for ${options.name}`);
    if (ended) throw await died(options);
    const found = await search.find();
    if (found !== null) {
      const address = await launched.reach(found);
      const problem = await Promise.race([probe(address, options.readyPath, Math.max(50, deadline - performance.now())), interrupted]);
      if (problem === null) return { address: found.path === undefined ? address : { ...address, path: found.path }, preloaded: found.preloaded };
      tried = problem;
    } else {
      tried = search.describe();
    }
    if (performance.now() >= deadline || options.hopeless?.test(launched.output.text) === true) throw notReady(options, tried);
    await delay(pauseMs);
  }
}

async function died(options: ReadinessOptions): Promise<ForeshardError> {
  const { code, signal } = await options.launched.exited;
  await delay(5); // the last output is still in the pipe
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const left = code === 0 && hasProc ? living(options.launched.tree).filter((pid) => pid !== options.launched.pid) : [];
  const inBackground = left.length === 0 ? undefined : `it went on in the background as ${left.slice(0, 3).map(processName).join(', ')}: start it in the foreground (without --daemon, -d or &)`;
  return new ForeshardError('service_died', `${options.name} ended ${how} before it was ready; its last output:\n${output(options)}`, {
    hint: inBackground ?? hintFor(options, 'start the same command by hand to see more'),
  });
}

function notReady(options: ReadinessOptions, tried: string): ForeshardError {
  return new ForeshardError('service_not_ready', `${options.name} was not ready within ${options.timeoutMs} ms: ${tried}; its last output:\n${output(options)}`, {
    hint: hintFor(options, 'correct service.port (--service-port) or service.ready (--ready) in the configuration, or raise service.readyTimeoutMs'),
  });
}

function hintFor(options: ReadinessOptions, usual: string): string {
  return options.ownNetwork
    ? `${usual}; it runs in a network of its own, where only the configured addresses can be reached: other servers it needs must be configured, or isolation switched off`
    : usual;
}

function output({ launched }: ReadinessOptions): string {
  const text = launched.output.lastLines(shownLines);
  return text === '' ? '(none)' : text;
}

interface Found extends LocalAddress {
  readonly preloaded: boolean;
}

/** Finds where the service listens: as the preload reports, as the kernel says, or by trying. */
class ListenerSearch {
  readonly #options: ReadinessOptions;
  #silentSince = 0;
  #elsewhereSince = 0;
  #elsewhere: readonly number[] = [];

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  async find(): Promise<Found | null> {
    const { link, ports, launched } = this.#options;
    const reported = link.listeners;
    if (reported.length > 0) {
      const best = ports.map((port) => reported.find(({ asked }) => asked === port)).find((listener) => listener !== undefined) ?? this.#afterGrace(reported, ({ asked }) => asked);
      if (best !== undefined) return { host: best.host, port: best.port, preloaded: true, ...(best.path === undefined ? {} : { path: best.path }) };
    }
    if (!hasProc) return this.#byTrying();
    const sockets = listeningSockets(launched.tree.members()).filter(({ pid }) => !this.#willReport(pid));
    const socket = ports.map((port) => sockets.find((candidate) => candidate.port === port)).find((candidate) => candidate !== undefined) ?? this.#afterGrace(sockets, ({ port }) => port);
    return socket === undefined ? null : { host: socket.host, port: socket.port, preloaded: false };
  }

  describe(): string {
    const { ports } = this.#options;
    const where = this.#elsewhere.length === 0 ? 'no TCP port' : `TCP port ${this.#elsewhere.join(' and ')}`;
    return `it listens on ${where}${ports.length === 0 ? '' : ` (expected: ${ports.join(' or ')})`}`;
  }

  /** Listeners where none is expected: the first of them, once the expected one has not come for a while. */
  #afterGrace<T>(elsewhere: readonly T[], portOf: (listener: T) => number): T | undefined {
    this.#elsewhere = [...new Set(elsewhere.map(portOf))];
    if (elsewhere.length === 0) return undefined;
    this.#elsewhereSince ||= performance.now();
    const graceMs = this.#options.isPortNamed ? portGraceMs.named : portGraceMs.offered;
    return performance.now() - this.#elsewhereSince >= Math.min(graceMs, this.#options.timeoutMs / 2) ? elsewhere[0] : undefined;
  }

  #willReport(pid: number): boolean {
    if (!this.#options.mayBePreloaded || !isNode(pid)) return false;
    if (this.#options.link.greeted.has(pid)) return true;
    this.#silentSince ||= performance.now();
    return performance.now() - this.#silentSince < reportGraceMs;
  }

  async #byTrying(): Promise<Found | null> {
    for (const port of this.#options.ports) {
      if (await probe({ host: '127.0.0.1', port }, undefined, 200) === null) return { host: '127.0.0.1', port, preloaded: false };
    }
    return null;
  }
}

function isNode(pid: number): boolean {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`)).startsWith('node');
  } catch {
    return false;
  }
}

/** null: it is there; otherwise what was tried and what came of it. */
function probe(address: { readonly host: string; readonly port: number }, path: string | undefined, timeoutMs: number): Promise<string | null> {
  return path === undefined ? connects(address, timeoutMs) : answers(address, path, timeoutMs);
}

function connects(address: { readonly host: string; readonly port: number }, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, timeout: timeoutMs });
    const done = (problem: string | null): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('connect', () => done(null));
    socket.once('timeout', () => done(`no connection to ${address.host}:${address.port}`));
    socket.once('error', (error) => done(`no connection to ${address.host}:${address.port}: ${error.message}`));
  });
}

function answers(address: { readonly host: string; readonly port: number }, path: string, timeoutMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const url = `http://${address.host}:${address.port}${path}`;
    const asked = request({ host: address.host, port: address.port, path, agent: false, timeout: timeoutMs, headers: { connection: 'close' } }, (response) => {
      response.resume();
      const status = response.statusCode ?? 0;
      response.once('close', () => resolve(status < 500 && status !== 404 ? null : `${url} answers ${status}`));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', (error) => resolve(`${url}: ${error.message}`));
    asked.end();
  });
}
