import { byteString } from '../lib/bytes.ts';
import type { KeyspaceTarget } from '../gateways/redis/keyspace-target.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { CaseOutcome, CaseProblem, OutcomeResponse } from '../model/run.ts';
import type { AskedCall, CallAnswer, CallReplay, unanswered } from './dependencies.ts';
import type { LaneTargets } from './lane-store.ts';
import type { Overlay } from './overlay.ts';
import { onServiceTime } from './service-time.ts';

/** One case while it runs: its overlay, its calls and what is noted on the way. */
export class CaseRun {
  readonly request: RequestRecord;
  readonly overlay: Overlay;
  readonly #calls: CallReplay;
  readonly #targets = new Map<string, KeyspaceTarget>();
  readonly #startedAt: number;
  readonly #stateWaitMs: number;
  readonly #lane: LaneTargets;

  constructor(options: { readonly request: RequestRecord; readonly overlay: Overlay; readonly calls: CallReplay; readonly lane: LaneTargets; readonly startedAt: number; readonly stateWaitMs: number }) {
    this.request = options.request;
    this.overlay = options.overlay;
    this.#calls = options.calls;
    this.#startedAt = options.startedAt;
    this.#stateWaitMs = options.stateWaitMs;
    this.#lane = options.lane;
  }

  /** Where this case's commands to a Redis server run. */
  target(server: string): KeyspaceTarget {
    let target = this.#targets.get(server);
    if (target === undefined) this.#targets.set(server, (target = onServiceTime(this.#lane.target(server), this.overlay.clock.aheadMs)));
    return target;
  }

  /** Answers a call to an HTTP dependency, or not where it was not answered while recording; null when nothing is known, which is noted. */
  async call(asked: AskedCall): Promise<CallAnswer | typeof unanswered | null> {
    const answer = await this.#calls.answer(asked);
    if (answer === null) {
      this.overlay.problem({ code: 'unknown_call', message: `called ${asked.method} ${asked.target} of ${asked.dependency}, to which the recording has no answer` });
    }
    return answer;
  }

  /** Ends the case. What comes later is too late: it is noted on the outcome, never mixed into another case. */
  async finish(response: OutcomeResponse | null, problems: readonly CaseProblem[], failed: boolean): Promise<CaseOutcome> {
    const { overlay } = this;
    await this.#lane.settle();
    return {
      id: this.request.id,
      status: failed ? 'error' : 'completed',
      response,
      effects: overlay.effects(), calls: this.#calls.calls, messages: overlay.messages, reads: overlay.reads,
      commands: overlay.commands,
      problems: [...overlay.problems, ...problems],
      timing: { stateWaitMs: this.#stateWaitMs, totalMs: performance.now() - this.#startedAt, faults: overlay.faults },
    };
  }

  /** Frees what the case held. */
  async close(): Promise<void> {
    this.overlay.close();
    await this.#lane.close();
  }
}

/** The response of a case as plain data. */
export function outcomeResponse(response: { readonly status: number; readonly headers: OutcomeResponse['headers']; readonly body: Uint8Array }): OutcomeResponse {
  return { status: response.status, headers: response.headers, body: byteString(response.body) };
}
