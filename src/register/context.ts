/**
 * The request a piece of running code belongs to. AsyncLocalStorage carries it through promises, timers and callbacks; everything
 * the preload does (tags, clock, randomness, counting what is pending) asks here whose code is running.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { sfc32 } from '../lib/prng.ts';
import type { Prng } from '../lib/prng.ts';
import { laneCommand } from '../model/preload-protocol.ts';

/** One request in flight. Created by {@link openContext}; shared by all code that runs on the request's behalf. */
export interface RequestContext {
  readonly tag: string;
  /** What stands for the request before its Redis commands: the tag, and once its clock has moved also the time (see {@link laneCommand}). */
  laneTag: string;
  /** `$4 FS.L $n laneTag` as RESP bulk strings: what a tagged command begins with. */
  commandHead: string;
  /** Unix ms the request believes it is; undefined: real time. */
  clockMs: number | undefined;
  /** Seed of the request's randomness, 32 hex digits; undefined: real randomness. */
  readonly seed: string | undefined;
  /** How often the clock was read. */
  clockReads: number;
  /** Commands, calls, timers, children and responses under way. */
  pending: number;
  /** Children started so far: each gets a seed of its own. */
  children: number;
  mathRandom: Prng | undefined;
  cryptoRandom: Prng | undefined;
  /** {@link release} for this context: made once, handed to every promise. */
  readonly released: () => void;
}

/** The running code's own context. Prefer {@link currentContext}. */
export const storage: AsyncLocalStorage<RequestContext | undefined> = new AsyncLocalStorage<RequestContext | undefined>();

let inherited: RequestContext | undefined;

/** Contexts by tag, from entry until idle: a call that the service makes to itself joins the request that makes it. */
const live = new Map<string, RequestContext>();

/** The context of the running code; in a child process of a request, that request's; undefined in background work. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore() ?? inherited;
}

/** Runs what belongs to no request, whoever set it going: a connection that all requests share. Cheaper than `storage.exit`. */
export function outside<T>(run: () => T): T {
  return storage.getStore() === undefined ? run() : storage.run(undefined, run);
}

/** Makes everything in this process without a context of its own belong to `context`. */
export function inheritContext(context: RequestContext): void {
  inherited = context;
  if (context.clockMs !== undefined) moveClock(context, context.clockMs); // that of the request may have moved before
}

/** Makes it `unixMs` in the request: its state is told with each command, since expiry goes by the same clock. */
export function moveClock(context: RequestContext, unixMs: number): void {
  context.clockMs = unixMs;
  context.laneTag = `${context.tag};${unixMs}`;
  context.commandHead = headOf(context.laneTag);
}

function headOf(laneTag: string): string {
  return `$4\r\n${laneCommand}\r\n$${laneTag.length}\r\n${laneTag}\r\n`;
}

/** Whether any request is under way. */
export function hasLiveContexts(): boolean {
  return live.size > 0;
}

/**
 * Reads `<tag>;<now>;<seed>`; a bare tag joins the live context of that name, or has real time and randomness.
 * @returns undefined for a text that names no usable tag
 */
export function openContext(text: string): RequestContext | undefined {
  const [tag = '', now, seed] = text.split(';');
  if (!/^[\x21-\x7e]+$/.test(tag)) return undefined;
  const joined = now === undefined ? live.get(tag) : undefined;
  if (joined !== undefined) return joined;
  const clockMs = now === undefined || now === '' ? Number.NaN : Number(now);
  const context: RequestContext = {
    tag,
    laneTag: tag,
    commandHead: headOf(tag),
    clockMs: Number.isFinite(clockMs) ? Math.trunc(clockMs) : undefined,
    seed: seed !== undefined && /^[0-9a-f]{32}$/i.test(seed) ? seed : undefined,
    clockReads: 0,
    pending: 0,
    children: 0,
    mathRandom: undefined,
    cryptoRandom: undefined,
    released: () => release(context),
  };
  live.set(tag, context);
  return context;
}

/** The generator behind Math.random; undefined where randomness is real. */
export function mathRandomOf(context: RequestContext): Prng | undefined {
  if (context.seed === undefined) return undefined;
  context.mathRandom ??= sfc32(context.seed);
  return context.mathRandom;
}

/**
 * The generator behind node:crypto; undefined where randomness is real. It is a stream apart from Math.random's, so that one more
 * Math.random() in a candidate does not change all the ids it makes.
 */
export function cryptoRandomOf(context: RequestContext): Prng | undefined {
  if (context.seed === undefined) return undefined;
  context.cryptoRandom ??= sfc32(derivedSeed(context.seed, 0xc0ffee01));
  return context.cryptoRandom;
}

/** What a child process of the request gets to continue it: `<tag>;<now>;<seed>`, or the tag alone where time is real. */
export function contextForChild(context: RequestContext): string {
  context.children++;
  if (context.clockMs === undefined || context.seed === undefined) return context.tag;
  return `${context.tag};${context.clockMs};${derivedSeed(context.seed, 0x5eed0000 + context.children)}`;
}

function derivedSeed(seed: string, salt: number): string {
  const first = (Number.parseInt(seed.slice(0, 8), 16) ^ salt) >>> 0;
  return first.toString(16).padStart(8, '0') + seed.slice(8);
}

const turn = setImmediate;
const quiet = new Set<RequestContext>();
let reportIdle: (tag: string) => void = () => {};

/** @param report called with the tag each time a context has nothing pending any more, a turn of the event loop later */
export function onIdle(report: (tag: string) => void): void {
  reportIdle = report;
}

/** Something of the context began. Pair with {@link release}. */
export function hold(context: RequestContext): void {
  context.pending++;
}

/** Something of the context ended. When it was the last, the context is idle unless more begins before the next turn is over. */
export function release(context: RequestContext): void {
  if (--context.pending > 0) return;
  quiet.add(context);
  if (quiet.size === 1) turn(reportQuiet);
}

function reportQuiet(): void {
  const settled = [...quiet];
  quiet.clear();
  for (const context of settled) {
    if (context.pending > 0 || context === inherited) continue;
    if (live.get(context.tag) === context) live.delete(context.tag);
    reportIdle(context.tag);
  }
}

/** Holds the context until the promise settles, however it does. Its result is not touched, and a rejection stays the caller's. */
export function holdUntil(context: RequestContext, promise: unknown): void {
  const then = promise as { then?: (onValue: () => void, onError: () => void) => unknown } | null | undefined;
  if (typeof then?.then !== 'function') return;
  hold(context);
  then.then(context.released, context.released);
}
