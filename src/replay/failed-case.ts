import { setTimeout as delay } from 'node:timers/promises';
import type { ServiceInstance } from '../lanes/instance.ts';
import { ForeshardError } from '../model/errors.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { CaseOutcome, CaseProblem } from '../model/run.ts';

const notRunReasons = {
  interrupted: 'the run was interrupted before this case was finished',
  not_asked: 'it was not asked for',
  lane_unavailable: 'no instance of the service was left to run it',
} as const;

/** How long the end of an instance may take to be noticed after its connections broke. */
const endNoticedMs = 200;
/** Lines of its last output that the end of an instance is reported with. */
const shownLines = 12;

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

/** It took too long. */
export function isTimeout(error: unknown): boolean {
  return error instanceof ForeshardError && error.code === 'timeout';
}

/** Its connection ended before its answer was whole, whoever ended it. */
export function isConnectionBroken(error: unknown): boolean {
  return error instanceof ForeshardError && error.code === 'service_died';
}

/** Whether the instance has ended, which may be noticed a moment after its connections broke. */
export async function hasEnded(instance: ServiceInstance, error: unknown): Promise<boolean> {
  if (instance.alive && error instanceof ForeshardError && error.code === 'service_died') await Promise.race([instance.exited, delay(endNoticedMs)]);
  return !instance.alive;
}

/** How an instance ended, with its last words. */
export async function endOf(instance: ServiceInstance): Promise<CaseProblem> {
  const { code, signal } = await instance.exited;
  const output = instance.output.trimEnd().split('\n').slice(-shownLines).join('\n');
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  return { code: 'service_died', message: `the instance ended ${how} while it handled this request; its last output:\n${output === '' ? '(none)' : output}` };
}
