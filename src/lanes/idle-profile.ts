import { hasProc, numbersIn } from './proc.ts';
import type { ProcessTree } from './process-tree.ts';
import { timedWait } from './waits.ts';
import type { TimedWait } from './waits.ts';

/**
 * An event loop shows its next timer alone, so a known one may hide a later one of the request. One that rings sooner than this is waited
 * for, to see what comes after it; behind one that rings later, an effect that a request sets off still later than that would be missed.
 */
const soonMs = 250;

/** A thread that waits. */
export interface Waiting {
  readonly pid: number;
  readonly tid: number;
  /** How often it had been given a processor, before it was looked at. */
  readonly runs: number;
  /** null: without a time limit. */
  readonly wait: TimedWait | null;
}

/** Shorter waits are always waited for: that costs little, and short delays are what effects come after. */
const leastEmptyMs = 500;
/** How often a wait must have come to nothing before it is not waited for any more. */
const enoughEmpty = 2;

/** Two sightings of one timer, in ms: taken for the same if it would ring at the same time. */
const sameTimerMs = 2;

/** When a timer rings, on the steady clock. */
interface Ring {
  readonly earliest: number;
  readonly latest: number;
}

/**
 * What threads wait for while the service does nothing: the `poll(0.5)` of an accept loop, the timer that closes unused connections.
 * Timers are known by when they ring, since event loops ask for what is left of them.
 */
export class IdleProfile {
  readonly #waits = new Set<string>();
  readonly #restless = new Set<number>();
  readonly #empty: { readonly name: string; readonly limitMs: number; times: number }[] = [];
  #timers: ReadonlyMap<number, Ring> = new Map();
  #lastIdle = 0;
  /** Processes and threads that live while nothing is going on: any other belongs to the request under way. */
  #processes: ReadonlySet<number> = new Set();
  #threads: ReadonlySet<number> = new Set();

  /** Takes what the tree waits in now for idle. Call it only when no request is under way. */
  learn(tree: ProcessTree, boundMs: number): void {
    if (!hasProc) return;
    const members = tree.members();
    const waits = members.flatMap((pid) => numbersIn(`/proc/${pid}/task`).map((tid): Waiting => ({ pid, tid, runs: 0, wait: timedWait(pid, tid) })));
    this.remember(members, waits);
    for (const { tid, wait } of waits) {
      // a longer one is never waited for
      if (wait !== null && (wait.limitMs === null || wait.limitMs < boundMs)) this.#waits.add(nameOf(tid, wait));
    }
  }

  /** Notes which processes live and when timers ring while nothing is going on. */
  remember(members: readonly number[], waits: readonly Waiting[]): void {
    const now = performance.now();
    const timers = new Map<number, Ring>();
    for (const { tid, wait } of waits) {
      if (wait !== null && wait.limitMs !== null) timers.set(tid, this.#ringOf(tid, wait, now));
    }
    this.#processes = new Set(members);
    this.#threads = new Set(waits.map(({ tid }) => tid));
    this.#timers = timers;
    this.#lastIdle = now;
  }

  /** The process was there before the request. */
  hasProcess(pid: number): boolean {
    return this.#processes.has(pid);
  }

  /**
   * A thread from before the request wakes again and again although nothing is asked of it: it does so by itself, with timers of its own.
   * From now on `quietMs` without anything seen at the gateways is all that is asked of it.
   */
  takeForRestless({ tid, wait }: Waiting): void {
    if (!this.#threads.has(tid) || wait === null) return;
    this.#restless.add(tid);
    this.#waits.add(nameOf(tid, wait));
  }

  /**
   * A wait was waited for to its end, and nothing came of it: so do idle threads of a pool wait before they end. Goes by what was asked for,
   * for such threads come and go. `limitMs`: how long it still lasted when it was first seen.
   */
  cameToNothing(name: string, limitMs: number): void {
    if (limitMs < leastEmptyMs) return;
    const known = this.#empty.find((one) => one.name === name && isAlike(one.limitMs, limitMs));
    if (known === undefined) this.#empty.push({ name, limitMs, times: 1 });
    else known.times++;
  }

  /** This wait is one the thread is in when nothing is going on; `quietMs`: for how long nothing has been seen at the gateways. */
  expects(tid: number, wait: TimedWait, quietMs: number): boolean {
    if (this.#waits.has(nameOf(tid, wait)) || (quietMs >= soonMs && this.#restless.has(tid))) return true;
    const { limitMs } = wait;
    if (limitMs === null || limitMs < soonMs) return false;
    if (this.#empty.some(({ name, limitMs: other, times }) => times >= enoughEmpty && name === wait.name && isAlike(other, limitMs))) return true;
    const timer = this.#timers.get(tid);
    if (timer === undefined) return false;
    const ring = this.#ringOf(tid, wait, performance.now());
    return ring.earliest <= timer.latest + sameTimerMs && ring.latest >= timer.earliest - sameTimerMs;
  }

  /** When it ends: a wait that was asked for began after the service was last seen idle, unless it is that very one. */
  #ringOf(tid: number, wait: TimedWait, now: number): Ring {
    const latest = now + (wait.limitMs ?? 0);
    if (wait.measure === 'left') return { earliest: latest, latest };
    const earliest = latest - (now - this.#lastIdle);
    const before = this.#timers.get(tid);
    if (before === undefined || earliest > before.latest || latest < before.earliest) return { earliest, latest };
    return { earliest: Math.max(before.earliest, earliest), latest: Math.min(latest, before.latest) };
  }
}

/** What was asked for by two waits that were seen a little after they began. */
function isAlike(aMs: number, bMs: number): boolean {
  return Math.abs(aMs - bMs) <= 0.03 * Math.max(aMs, bMs);
}

/** Waits up to this long are one: watchdogs such as Go's vary theirs between 20 µs and 10 ms. */
const shortMs = 20;

/** The thread wakes so often that being seen asleep twice says nothing. */
export function isShort(wait: TimedWait): boolean {
  return wait.limitMs !== null && wait.limitMs <= shortMs;
}

/** A wait for a point in time differs each time it is looked at: it goes by its name alone. Others by what was asked for, to 1 part in 50. */
function nameOf(tid: number, wait: TimedWait): string {
  if (wait.measure === 'left' || wait.limitMs === null) return `${tid} ${wait.name}`;
  return `${tid} ${wait.name} ${isShort(wait) ? 'short' : Math.round(Math.log(wait.limitMs) * 50)}`;
}
