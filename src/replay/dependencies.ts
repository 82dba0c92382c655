import { setTimeout } from 'node:timers/promises';
import { byteString, bytesOf, type ByteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import type { Header, RecordedCall, Recording, RequestRecord } from '../model/recording.ts';
import type { OutcomeCall, Provenance } from '../model/run.ts';
import { httpStateKey, type StateKey } from '../model/state-key.ts';

/** What a candidate asks an HTTP dependency. */
export interface AskedCall {
  readonly dependency: string;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/** The recorded call was not answered either. */
export const unanswered: unique symbol = Symbol('unanswered');

/** What it is answered from the recording. */
export interface CallAnswer {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: Uint8Array;
}

/** Every recorded call by what it asked, in order of position: the chains of the HTTP dependencies. */
export class CallIndex {
  readonly #byTarget = new Map<StateKey, RecordedCall[]>();

  constructor(recording: Recording) {
    for (const request of recording.requests) {
      for (const call of request.calls) {
        const key = httpStateKey(call.dependency, call.request.method, call.request.target);
        const calls = this.#byTarget.get(key);
        if (calls === undefined) this.#byTarget.set(key, [call]);
        else calls.push(call);
      }
    }
    for (const calls of this.#byTarget.values()) calls.sort((a, b) => a.position - b.position);
  }

  /** The answer as of a position: the last one known by then, else the first one after it. */
  asOf(key: StateKey, position: number): RecordedCall | undefined {
    const calls = this.#byTarget.get(key)?.filter((call) => call.response !== null) ?? [];
    return calls.filter((call) => call.position <= position).at(-1) ?? calls[0];
  }
}

/** A call that may change something. */
function mayChange(method: string): boolean {
  return !['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method.toUpperCase());
}

/**
 * An answer is held for so long where the request made several calls that may change something: calls made at once come on connections of
 * their own, and without it one would have its answer before the other is here, as if it had waited for it.
 */
const holdMs = 5;

/**
 * Answers the calls of one case. First what this very request was answered for the same question (method, target, body), each once
 * and then the last again; then, for the same method and target with another body, what the request was answered there (what was asked
 * is compared, so the change is seen); then, for safe methods, the chain from other requests. Otherwise nothing is known.
 */
export class CallReplay {
  readonly #recording: Recording;
  readonly #request: RequestRecord;
  readonly #index: CallIndex;
  readonly #used = new Set<RecordedCall>();
  readonly #calls: OutcomeCall[] = [];
  /** Calls without an answer, by index. */
  readonly #open = new Set<number>();

  constructor(recording: Recording, request: RequestRecord, index: CallIndex) {
    this.#recording = recording;
    this.#request = request;
    this.#index = index;
  }

  /** The calls made so far, in order of arrival. */
  get calls(): readonly OutcomeCall[] {
    return this.#calls;
  }

  /** The answer to a call; `unanswered` when it got none while recording; null when the recording knows nothing. The call is noted either way. */
  async answer(asked: AskedCall): Promise<CallAnswer | typeof unanswered | null> {
    const found = this.#find(asked);
    const response = found?.call.response ?? null;
    const during = [...this.#open];
    const index = this.#calls.push({
      dependency: asked.dependency, method: asked.method, target: asked.target, headers: asked.headers,
      body: byteString(asked.body) satisfies ByteString, status: response?.status ?? null, provenance: found?.provenance ?? 'unknown',
      ...during.length > 0 ? { during } : {},
    }) - 1;
    this.#open.add(index);
    try {
      if (this.#isOneOfSeveral(asked)) await setTimeout(holdMs);
      if (response === null) return found === undefined ? null : unanswered;
      const body = response.body === null ? bytesOf('') : await this.#recording.payload(response.body.hash);
      return { status: response.status, headers: response.headers, body };
    } finally {
      this.#open.delete(index);
    }
  }

  #isOneOfSeveral({ dependency, method }: AskedCall): boolean {
    return mayChange(method) && this.#request.calls.filter((call) => call.dependency === dependency && mayChange(call.request.method)).length > 1;
  }

  #find(asked: AskedCall): { call: RecordedCall; provenance: Provenance } | undefined {
    const same = this.#request.calls.filter((call) => call.dependency === asked.dependency
      && call.request.method === asked.method && call.request.target === asked.target);
    const bodyHash = asked.body.length === 0 ? null : contentHash(asked.body);
    const sameBody = same.filter((call) => (call.request.body?.hash ?? null) === bodyHash);
    const own = sameBody.find((call) => !this.#used.has(call)) ?? sameBody.at(-1)
      ?? same.find((call) => !this.#used.has(call)) ?? same.at(-1);
    if (own !== undefined) {
      this.#used.add(own);
      return { call: own, provenance: 'recorded' };
    }
    if (asked.method !== 'GET' && asked.method !== 'HEAD') return undefined;
    const chained = this.#index.asOf(httpStateKey(asked.dependency, asked.method, asked.target), this.#request.endPosition);
    return chained === undefined ? undefined : { call: chained, provenance: 'chain' };
  }
}
