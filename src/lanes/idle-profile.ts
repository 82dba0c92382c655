import { IdleHabits } from './idle-habits.ts';
import { numbersIn } from './proc.ts';
import { boundsOf, isAlike, isBack, isLoop, isMany, isSameWait, isShort, lengthOf, rangMsAgo, sameTimerMs, trialOf, waiterOf, waitingOf } from './sighting.ts';
import type { Sighting, Waiting } from './sighting.ts';
import { isAbout, mayBeSame, narrowed, type Span } from './span.ts';

/**
 * An event loop shows its next timer alone, so a known one may hide a later one of the request. One that rings sooner than this is waited
 * for, to see what comes after it; behind one that rings later, an effect that a request sets off still later than that would be missed.
 */
const soonMs = 250;
/** A timer that renews itself does so when its work is done. */
const renewalMs = 4;
/** A thread that woke by its own timer is seen within this time after that; later it may have been given something to do as well. */
const promptMs = 100;
/** How long, and how often, a thread must wake for nothing to be taken for one that does so by itself. */
const restlessMs = 1_000;
const restlessRings = 3;

/** What the gateways showed at a look, and how long is waited at most. */
export interface Quiet {
  readonly boundMs: number;
  /** How much has passed through them so far. */
  readonly activity: number;
  /** For how long nothing has. */
  readonly quietMs: number;
}

/**
 * What the threads of an instance waited in when it was last at rest, and how that differs from what they wait in now. A thread that has not
 * run since is at rest whatever it waits in. One that woke by its own timer, and waits as it did, is too. One that ran for another
 * reason has been given something to do: a wait with a limit that it goes into then is waited for until that has come to nothing more than once.
 */
export class IdleProfile {
  readonly #habits: IdleHabits;
  readonly #seen = new Map<number, Sighting>();
  /** Timers that were set at rest, by whoever may wait for them. */
  #rings = new Map<string, Span[]>();
  /** Processes that live while nothing is going on. */
  #processes: ReadonlySet<number> = new Set();
  /** Those that came since: how often they ran, and since when they have not. */
  readonly #newcomers = new Map<number, { runs: number; since: number }>();
  /** Where a process or thread stands among those that were alive at the start. */
  #places: ReadonlyMap<number, string> | null = null;
  /** When nothing of the request had begun yet; what is seen first may have begun any time before. */
  #startedAt = -Infinity;

  constructor(habits: IdleHabits = new IdleHabits()) {
    this.#habits = habits;
  }

  /** Takes what these processes wait in now for rest. */
  learn(members: readonly number[]): void {
    const waits = members.flatMap((pid) => numbersIn(`/proc/${pid}/task`).map((tid) => waitingOf(pid, tid)));
    for (const waiting of waits) this.#observe(waiting, 0, performance.now());
    this.remember(members, waits, null);
  }

  /**
   * All of it is at rest, in these waits. `activity`: what had passed through the gateways by then; null: not known, so nothing is learnt
   * of waits that have ended.
   */
  remember(members: readonly number[], waits: readonly Waiting[], activity: number | null): void {
    this.#places ??= placesOf(members, waits);
    this.#processes = new Set(members);
    this.#newcomers.clear();
    const alive = new Set(waits.map(({ tid }) => tid));
    for (const [tid, sighting] of this.#seen) {
      if (activity !== null) this.#judge(sighting, activity);
      if (!alive.has(tid)) this.#seen.delete(tid);
      else this.#atRest(sighting);
    }
    this.#collectRings();
    this.#startedAt = performance.now();
  }

  /** A request is about to come: what woke by itself since the last one is still at rest. */
  beforeRequest(): void {
    const now = performance.now();
    for (const [tid, before] of this.#seen) {
      if (before.ring === null || before.ring.earliest > now + sameTimerMs) continue;
      this.#atRest(this.#observe(waitingOf(before.pid, tid), before.activity, now));
    }
    this.#collectRings();
    this.#startedAt = now;
  }

  /** The process was there before the request. */
  hasProcess(pid: number): boolean {
    return this.#processes.has(pid);
  }

  /** For how long this process, which came since, has not run: `runs` is how often its threads have. */
  newcomerCalmMs(pid: number, runs: number): number {
    const now = performance.now();
    const before = this.#newcomers.get(pid);
    if (before?.runs === runs) return now - before.since;
    this.#newcomers.set(pid, { runs, since: now });
    return 0;
  }

  /** Whether a thread that is in this wait is at rest, for all that can be told. */
  isAtRest(waiting: Waiting, quiet: Quiet): boolean {
    const now = performance.now();
    const sighting = this.#observe(waiting, quiet.activity, now);
    const { trial } = sighting;
    if (trial !== null && now - trial.endedAt >= soonMs) this.#judge(sighting, quiet.activity);
    if (sighting.wait === null || sighting.reason === 'rest') return true;
    if (quiet.quietMs >= 2 * restlessMs) this.#noteLoop(sighting);
    const place = this.#placeOf(waiting);
    return this.#isKnown(sighting, place, { now, ...quiet }) || this.#isRestless(sighting, place, quiet.quietMs);
  }

  /** The thread wakes so often that it has run between two looks says nothing. */
  isTicking({ tid }: Waiting): boolean {
    const sighting = this.#seen.get(tid);
    return sighting?.reason === 'rest' && isShort(sighting);
  }

  #isKnown(sighting: Sighting, place: string, { now, boundMs, quietMs }: Quiet & { readonly now: number }): boolean {
    const { wait, asked, ring, reason, wasTouched } = sighting;
    if (wait === null || asked === null || ring === null) return false;
    // as long as the bound: an idle timeout of a kept-open connection, or something that comes too late to be waited for
    if (asked.earliest >= boundMs * 0.9) return true;
    const isSoon = ring.earliest - now < soonMs;
    // the next timer may hide one of the request's: that a while has passed with nothing shows as much as waiting for it
    if (isSoon && wasTouched && isMany(wait.name) && quietMs < soonMs) return false;
    if (reason === 'own' && this.#isIdle(sighting)) return true;
    return this.#habits.isVain(place, wait.name, asked) || (!isSoon && this.#isOwnTimer(sighting));
  }

  /** It waits as long as it does when nothing is asked of it. */
  #isIdle(sighting: Sighting): boolean {
    const { asked, wait } = sighting;
    return asked !== null && wait !== null && this.#habits.isIdle(this.#placeOf(sighting), wait.name, asked);
  }

  /** It wakes again and again for nothing, after waits of no length that is known. */
  #isRestless(sighting: Sighting, place: string, quietMs: number): boolean {
    if (sighting.atRest === null || this.#isIdle(sighting)) return false;
    if (sighting.rings >= restlessRings && quietMs >= restlessMs) this.#habits.takeForRestless(place);
    return quietMs >= soonMs && this.#habits.isRestless(place);
  }

  /** A timer that was set when all was at rest, or the next ring of one. */
  #isOwnTimer(sighting: Sighting): boolean {
    return this.#isSet(sighting) || this.#rings.get(waiterOf(sighting))?.some((one) => this.#isNextRing(sighting, one)) === true;
  }

  #observe(waiting: Waiting, activity: number, now: number): Sighting {
    const before = this.#seen.get(waiting.tid);
    if (before !== undefined && before.pid === waiting.pid && isSameWait(before, waiting)) {
      before.seenAt = now;
      before.activity = activity;
      return before;
    }
    const { asked, ring } = boundsOf(waiting.wait, Math.max(before?.seenAt ?? -Infinity, this.#startedAt), now);
    const hasRung = before !== undefined && rangMsAgo(before, now) >= 0;
    const sighting: Sighting = {
      ...waiting, asked, ring: ring !== null && before?.ring != null && !hasRung ? narrowed(ring, before.ring) : ring,
      reason: 'touched', wasWoken: before?.ring == null || now < before.ring.earliest - sameTimerMs,
      wasTouched: before === undefined || before.wasTouched || !hasRung,
      repeats: hasRung && before.activity === activity && before.wait?.name === waiting.wait?.name && isAlike(before.asked, asked) ? before.repeats + 1 : 0,
      isOld: before?.isOld ?? false, rings: before === undefined ? 0 : before.rings + (isAlike(before.asked, asked) ? 0 : 1), atRest: before?.atRest ?? null,
      trial: before === undefined ? null : hasRung ? trialOf(before, now) : before.trial, seenAt: now, activity,
    };
    // what rang before the response was out may have been given something to do right after
    const isPrompt = hasRung && ((before.seenAt > this.#startedAt && rangMsAgo(before, now) <= promptMs) || this.#isNextRing(sighting, before.ring));
    if (isPrompt && (before.reason !== 'touched' || isBack(before))) this.#noteRenewal(before, sighting);
    const isOwn = isPrompt && (before.reason !== 'touched' || this.#isIdle(sighting));
    if (before?.reason === 'rest' && isShort(before) && isShort(sighting)) sighting.reason = 'rest';
    else if (isOwn || this.#isSet(sighting)) sighting.reason = 'own';
    const { trial } = sighting;
    if (trial !== null && asked !== null && waiting.wait?.name === trial.name && isAbout(asked, trial.lengthMs)) this.#judge(sighting, activity);
    this.#seen.set(waiting.tid, sighting);
    return sighting;
  }

  /** The timer was set before the request. */
  #isSet(sighting: Sighting): boolean {
    const { ring } = sighting;
    return ring !== null && this.#rings.get(waiterOf(sighting))?.some((one) => mayBeSame(one, ring, sameTimerMs)) === true;
  }

  /** The wait began when the one that ended with `before` was over, not later: nobody has given the thread something to do since. */
  #isNextRing(sighting: Sighting, before: Span | null): boolean {
    const { wait, ring, pid } = sighting;
    if (wait === null || ring === null || before === null) return false;
    const place = isLoop(wait.name) ? this.#processPlace(pid) : this.#placeOf(sighting);
    for (const period of this.#habits.periods(place, wait.name)) {
      if (mayBeSame({ earliest: before.earliest + period, latest: before.latest + period + renewalMs }, ring, sameTimerMs)) return true;
    }
    return false;
  }

  /** A thread that woke by itself, brought nothing about and waits as long again. */
  #noteRenewal(before: Sighting, { asked, wait, activity }: Sighting): void {
    if (before.asked === null || asked === null || wait === null || before.wait?.name !== wait.name || before.activity !== activity) return;
    const lengthMs = lengthOf(asked);
    if (lengthMs !== null && isAbout(before.asked, lengthMs)) this.#habits.renewed(this.#placeOf(before), wait.name, lengthMs);
  }

  /** A thread that was there before, and does nothing but wait again and again as long, does so by itself. */
  #noteLoop(sighting: Sighting): void {
    const { reason, repeats, isOld, asked, wait } = sighting;
    const lengthMs = asked === null ? null : lengthOf(asked);
    if (reason !== 'touched' || repeats < restlessRings || !isOld || wait === null || lengthMs === null) return;
    this.#habits.renewed(this.#placeOf(sighting), wait.name, lengthMs);
    sighting.reason = 'own';
  }

  /** What came of a wait that has ended. */
  #judge(sighting: Sighting, activity: number): void {
    const { trial } = sighting;
    if (trial !== null) this.#habits.ended(this.#placeOf(sighting), trial.name, trial.lengthMs, trial.activity === activity);
    sighting.trial = null;
  }

  #atRest(sighting: Sighting): void {
    sighting.reason = 'rest';
    sighting.wasTouched = false;
    sighting.isOld = true;
    sighting.rings = 0;
    sighting.atRest = sighting.wait === null || sighting.asked === null ? null : { name: sighting.wait.name, asked: sighting.asked };
    sighting.trial = null;
  }

  #collectRings(): void {
    this.#rings = new Map();
    for (const sighting of this.#seen.values()) {
      const waiter = waiterOf(sighting);
      if (sighting.ring !== null) this.#rings.set(waiter, [...this.#rings.get(waiter) ?? [], sighting.ring]);
    }
  }

  #processPlace(pid: number): string {
    return this.#places?.get(pid)?.split(' ')[0] ?? 'later';
  }

  #placeOf({ pid, tid }: Waiting): string {
    return this.#places?.get(tid) ?? `${this.#processPlace(pid)} later`;
  }
}

/** Processes and threads by their order: the same for each instance of a service. */
function placesOf(members: readonly number[], waits: readonly Waiting[]): Map<number, string> {
  const places = new Map<number, string>();
  members.forEach((pid, process) => {
    const threads = waits.filter((waiting) => waiting.pid === pid);
    threads.forEach(({ tid }, thread) => places.set(tid, `${process} ${thread}`));
    if (!places.has(pid)) places.set(pid, `${process} 0`);
  });
  return places;
}
