import type { Run } from '../model/run.ts';
import { momentOf } from './value-class.ts';

/** What the clocks of two compared runs say about two moments of one case. */
export interface RunClock {
  /** How much later the second run took place; 0 where each case of both began at the time of its request. */
  readonly shiftMs: number;
  /** How far two moments of one case may be apart beyond that. */
  readonly slackMs: number;
  /** Whether time goes on while a case runs; else it stands still, and two runs read the same. */
  readonly goesOn: boolean;
  /** When each of the two runs took place in the eyes of the service; undefined: each case at the time of its request. */
  readonly spans: readonly [Span | undefined, Span | undefined];
}

/** From when to when, Unix ms. */
interface Span { readonly fromMs: number; readonly toMs: number }

/** Replays of a case on one machine stay within this of their run's start plus its length. */
const runSlackMs = 5000;
/** Moments are often written in whole seconds. */
const caseSlackMs = 1000;
/** How long a suite may run whose cases are judged one by one. */
const suiteSlackMs = 3_600_000;

/** The clock while nothing is known of one. */
export const unknownClock: RunClock = { shiftMs: 0, slackMs: runSlackMs, goesOn: false, spans: [{ fromMs: 0, toMs: 0 }, { fromMs: 0, toMs: 0 }] };

/** `standsStill`: clocks stand still while a case runs, in both runs, unless a run says that its clock was the real one. */
export function clockBetween(a: Run | undefined, b: Run | undefined, standsStill: boolean): RunClock {
  if (a === undefined || b === undefined) return unknownClock;
  const goesOn = !standsStill || a.clock === 'real' || b.clock === 'real';
  const spans = [spanOf(a), spanOf(b)] as const;
  const isOfCase = spans[0] === undefined && spans[1] === undefined;
  const slackMs = isOfCase ? caseSlackMs : Math.max(a.durationMs, b.durationMs) + runSlackMs;
  return { shiftMs: isOfCase ? 0 : b.startedAt - a.startedAt, slackMs, goesOn, spans };
}

/** The clock for the case of a request that came at `at`: where only one of the two runs lived in real time, that is as far from the other as from the request. */
export function clockOfCase(clock: RunClock, at: number): RunClock {
  const [first, second] = clock.spans;
  if ((first === undefined) === (second === undefined)) return clock;
  return { ...clock, shiftMs: (second?.fromMs ?? at) - (first?.fromMs ?? at) };
}

/** The clock between a run and cases that begin one by one from now on. */
export function clockFromNow(run: Run | undefined, standsStill: boolean): RunClock {
  if (run === undefined) return { ...unknownClock, slackMs: suiteSlackMs };
  if (run.clock === 'case') return clockBetween(run, run, standsStill);
  const now = Date.now();
  return { shiftMs: now - run.startedAt, slackMs: suiteSlackMs, goesOn: !standsStill || run.clock === 'real', spans: [spanOf(run), { fromMs: now, toMs: now + suiteSlackMs }] };
}

function spanOf({ clock, startedAt, durationMs }: Run): Span | undefined {
  return clock === 'case' ? undefined : { fromMs: startedAt, toMs: startedAt + durationMs };
}

/** Whether a value is the time at which a case ran. `side`: 0 in the first run, 1 in the second. */
export function isTimeOfCase(value: unknown, side: 0 | 1, clock: RunClock, requestCame: { readonly at: number; readonly lastedMs: number }): boolean {
  const ms = clock.goesOn ? momentOf(value)?.ms : undefined;
  if (ms === undefined) return false;
  const { fromMs, toMs } = clock.spans[side] ?? { fromMs: requestCame.at, toMs: requestCame.at + requestCame.lastedMs };
  return ms >= fromMs - 2 * caseSlackMs && ms <= toMs + caseSlackMs; // a second is written as its beginning
}

/** How far two moments are apart: as they are, or less when the distance of their runs explains it; undefined when they are no moments of one format. */
export function apartMs(baseline: unknown, candidate: unknown, clock: RunClock): number | undefined {
  const [a, b] = [momentOf(baseline), momentOf(candidate)];
  if (a === undefined || b === undefined || a.format !== b.format) return undefined;
  return Math.min(Math.abs(b.ms - a.ms), Math.abs(b.ms - a.ms - clock.shiftMs));
}

/** Whether two moments are no further apart than clocks go while a case lasts. */
export function isSameMoment(baseline: unknown, candidate: unknown, clock: RunClock, lastedMs: number): boolean {
  return clock.goesOn && (apartMs(baseline, candidate, clock) ?? Infinity) <= Math.max(clock.slackMs, lastedMs);
}
