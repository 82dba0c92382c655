import { ForeshardError } from '../model/errors.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { CaseOutcome, CaseProblem } from '../model/run.ts';

const notRunReasons = {
  interrupted: 'the run was interrupted before this case was finished',
  not_asked: 'it was not asked for',
  lane_unavailable: 'no instance of the service was left to run it',
} as const;

/** Why a case was not run. */
export type NotRunReason = keyof typeof notRunReasons;

/** The outcome of a case that was not run. */
export function notRunOutcome(request: RequestRecord, reason: NotRunReason): CaseOutcome {
  return { ...nothingDone(request), status: 'not_run', problems: [{ code: reason, message: notRunReasons[reason] }] };
}

/** The outcome of a case that was run and came to nothing. */
export function failedOutcome(request: RequestRecord, problem: CaseProblem): CaseOutcome {
  return { ...nothingDone(request), status: 'error', problems: [problem] };
}

/** An error as the problem of a case. */
export function problemOf(error: unknown): CaseProblem {
  if (error instanceof ForeshardError) return { code: error.code, message: error.message };
  return { code: 'internal', message: error instanceof Error ? error.message : String(error) };
}

function nothingDone(request: RequestRecord): Omit<CaseOutcome, 'status' | 'problems'> {
  return {
    id: request.id, response: null, effects: [], calls: [], messages: [], reads: [], commands: 0, timing: { stateWaitMs: 0, totalMs: 0, faults: 0 },
  };
}
