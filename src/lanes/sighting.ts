import { timesRun } from './proc.ts';
import { mayBeSame, spanOf, type Span } from './span.ts';
import { timedWait } from './waits.ts';
import type { TimedWait } from './waits.ts';

/** Two sightings of one timer: taken for the same if it would ring at the same time. */
export const sameTimerMs = 2;
/** A timer that is known less well than this is assumed to ring as late as it may. */
const vagueMs = 30;

/** A thread that waits. */
export interface Waiting {
  readonly pid: number;
  readonly tid: number;
  /** How often it had been given a processor, before it was looked at. */
  readonly runs: number;
  /** null: without a time limit. */
  readonly wait: TimedWait | null;
}

/** A wait that ended by itself, and what will show whether anything came of it. */
export interface Trial {
  readonly name: string;
  readonly lengthMs: number;
  readonly activity: number;
  readonly endedAt: number;
}

/** What is known of the wait a thread is in. */
export interface Sighting extends Waiting {
  /** How long it was asked to last; null: no limit, or not known. */
  readonly asked: Span | null;
  /** When it ends, on the steady clock. */
  ring: Span | null;
  /** `rest`: it was in it before the request. `own`: it went into it by itself, `touched`: since it had something to do. */
  reason: 'rest' | 'own' | 'touched';
  /** It went into it although no timer of its own can have woken it. */
  readonly wasWoken: boolean;
  /** It has had something to do since the request. */
  wasTouched: boolean;
  /** How often it has gone on since, into a wait of another length. */
  rings: number;
  /** How often in a row it has gone into a wait of the same length by itself, and nothing came of it. */
  readonly repeats: number;
  /** The thread was there at rest. */
  isOld: boolean;
  /** The wait with a limit that it was in at rest. */
  atRest: { readonly name: string; readonly asked: Span } | null;
  trial: Trial | null;
  seenAt: number;
  activity: number;
}

/** Waits up to this long are one: watchdogs such as Go's vary theirs between 20 µs and 10 ms. */
const shortMs = 20;

/** It was asked to last for a moment only. */
export function isShort({ asked }: Sighting): boolean {
  return asked !== null && asked.latest <= shortMs;
}

/** The threads of a runtime such as Go's take turns at waiting for the events of its one loop. */
export function isLoop(name: string): boolean {
  return name.startsWith('epoll');
}

/** Who waits so may wait for many things, of which the next timer alone is seen. */
export function isMany(name: string): boolean {
  return isLoop(name) || name.endsWith('poll') || name.endsWith('select');
}

/** Whose timers it may be waiting for. */
export function waiterOf({ pid, tid, wait }: Waiting): string {
  return wait !== null && isLoop(wait.name) ? `process ${pid}` : `thread ${tid}`;
}

/** How long ago the wait must have ended by itself; negative: it need not have. */
export function rangMsAgo({ ring }: Sighting, now: number): number {
  return ring === null ? -Infinity : now + sameTimerMs - (ring.latest - ring.earliest <= vagueMs ? ring.earliest : ring.latest);
}

/** What a thread waits in now. */
export function waitingOf(pid: number, tid: number): Waiting {
  const runs = timesRun(pid, tid); // before its wait: whoever has the same count later has slept all the while
  return { pid, tid, runs, wait: timedWait(pid, tid) };
}

/** It has not run in between; where the kernel does not count, a wait with a limit is always another. */
export function isSameWait(before: Waiting, now: Waiting): boolean {
  return before.runs === now.runs && before.wait?.name === now.wait?.name && (now.runs > 0 || now.wait === null);
}

/** How long a wait that began between `began` and `now` was asked to last, and when it ends. */
export function boundsOf(wait: TimedWait | null, began: number, now: number): { asked: Span | null; ring: Span | null } {
  if (wait === null || wait.limitMs === null) return { asked: null, ring: null };
  const { limitMs } = wait;
  if (wait.measure === 'left') return { asked: { earliest: limitMs, latest: limitMs + (now - began) }, ring: spanOf(now + limitMs) };
  return { asked: spanOf(limitMs), ring: { earliest: Math.max(now, began + limitMs), latest: now + limitMs } };
}

/** Both may have been asked to last as long. */
export function isAlike(a: Span | null, b: Span | null): boolean {
  return a !== null && b !== null && mayBeSame(a, b, Math.max(sameTimerMs, 0.03 * Math.min(a.earliest, b.earliest)));
}

/** It is back in the wait that it was in at rest. */
export function isBack({ atRest, wait, asked }: Sighting): boolean {
  return atRest !== null && atRest.name === wait?.name && isAlike(atRest.asked, asked);
}

/** null: not known well enough to learn from. */
export function lengthOf({ earliest, latest }: Span): number | null {
  return latest - earliest <= Math.max(10, 0.03 * earliest) ? (earliest + latest) / 2 : null;
}

/** What is to be learnt of a wait that has ended, when the thread had been given something to do before it. */
export function trialOf({ wasWoken, asked, wait, activity }: Sighting, endedAt: number): Trial | null {
  const lengthMs = asked === null ? null : lengthOf(asked);
  return !wasWoken || lengthMs === null || wait === null ? null : { name: wait.name, lengthMs, activity, endedAt };
}
