import type { Difference, Verdict } from '../model/report.ts';
import type { CaseOutcome, CaseProblem } from '../model/run.ts';

/** What a verdict is made of. */
export interface VerdictInput {
  readonly baseline: CaseOutcome | undefined;
  readonly candidate: CaseOutcome | undefined;
  /** Differences that no rule hides and that are not at a place where the baseline is not consistent with itself. */
  readonly real: readonly Difference[];
  readonly hidden: number;
  readonly unstable: number;
  /** The control runs of this case differ in more than values. */
  readonly baselineUnstable: boolean;
}

/** A verdict with the problems that made it. */
export interface Judged {
  readonly verdict: Verdict;
  readonly problems: readonly CaseProblem[];
}

/**
 * The verdict on one request. A problem that only the candidate met may have caused any of its differences, so it makes the case
 * inconclusive; one that the baseline met in the same way explains none of them.
 */
export function verdictOf(input: VerdictInput): Judged {
  const { baseline, candidate } = input;
  if (candidate === undefined || candidate.status === 'not_run') {
    return { verdict: 'not_run', problems: candidate?.problems.length ? candidate.problems : [{ code: 'not_run', message: 'the candidate was not given this request' }] };
  }
  if (candidate.status === 'error') {
    return { verdict: 'error', problems: candidate.problems.length > 0 ? candidate.problems : [{ code: 'no_response', message: 'the candidate gave no usable answer' }] };
  }
  const unstable = baselineProblem(input);
  const problems = unstable === undefined ? candidate.problems : [...candidate.problems, unstable];
  if (baseline === undefined || baseline.status !== 'completed') return { verdict: 'inconclusive', problems };
  const own = candidate.problems.filter((problem) => !baseline.problems.some((other) => sameProblem(problem, other)));
  if (input.real.some((difference) => !own.some((problem) => explains(problem, difference)))) return { verdict: 'differs', problems };
  if (problems.length > 0) return { verdict: 'inconclusive', problems };
  return { verdict: input.hidden > 0 ? 'noise' : 'same', problems };
}

/**
 * An answer that rests on state nobody knows may change everything; effects that came too late are missing, and change no answer; a call
 * that nobody can answer was asked for all the same.
 */
function explains(problem: CaseProblem, difference: Difference): boolean {
  switch (problem.code) {
    case 'late_command': return difference.kind !== 'response';
    case 'unknown_call': return !difference.kind.startsWith('call_');
    default: return true;
  }
}

function baselineProblem({ baseline, baselineUnstable, unstable }: VerdictInput): CaseProblem | undefined {
  if (baseline === undefined || baseline.status === 'not_run') return { code: 'baseline_unstable', message: 'the control run has no outcome of this request to compare with' };
  if (baseline.status === 'error') return { code: 'baseline_unstable', message: `the baseline failed in its control run: ${baseline.problems[0]?.message ?? 'it gave no answer'}` };
  if (!baselineUnstable) return undefined;
  return { code: 'baseline_unstable', message: `the baseline's own control runs differ in what they do here${unstable > 0 ? ', at the same places as the candidate' : ''}` };
}

function sameProblem(a: CaseProblem, b: CaseProblem): boolean {
  return a.code === b.code && a.key === b.key && (a.key !== undefined || a.message === b.message);
}
