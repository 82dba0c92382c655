import { utf8ByteString } from '../lib/bytes.ts';
import type { Element, ElementValue } from '../model/element.ts';
import { defaultRedisServer, redisStateKey } from '../model/state-key.ts';
import type { CaseOutcome, Effect, OutcomeCall, OutcomeResponse } from '../model/run.ts';

/** An outcome that did nothing but what is given: for what is compared without having been replayed, and for tests. */
export function outcomeOf(given: Partial<CaseOutcome>): CaseOutcome {
  return {
    id: 'r000001', status: 'completed', response: null, effects: [], calls: [], messages: [], reads: [], commands: 0, problems: [],
    timing: { stateWaitMs: 0, totalMs: 0, faults: 0 }, ...given,
  };
}

/** A JSON response. */
export function jsonResponse(body: unknown, given: Partial<OutcomeResponse> = {}): OutcomeResponse {
  return { status: 200, headers: [['Content-Type', 'application/json']], body: utf8ByteString(JSON.stringify(body)), ...given };
}

/** A call to a dependency with a JSON body, answered from the chain. */
export function callOf(method: string, target: string, body?: unknown, given: Partial<OutcomeCall> = {}): OutcomeCall {
  return { dependency: 'api', method, target, headers: [], body: body === undefined ? '' : utf8ByteString(JSON.stringify(body)), status: 200, provenance: 'chain', ...given };
}

/** An effect on a Redis key of database 0: the value afterwards (null: deleted), all of it written unless said otherwise. */
export function effectOf(name: string, after: ElementValue | null, given: Partial<Effect> = {}): Effect {
  const element: Element | null = after === null ? null : { value: after, expiresAtMs: null };
  return { key: redisStateKey(defaultRedisServer, 0, utf8ByteString(name)), before: null, after: element, parts: [], valueWritten: true, expiry: null, ...given };
}

/** A hash value. */
export function hashOf(fields: Readonly<Record<string, string>>): ElementValue {
  return { type: 'hash', fields: Object.entries(fields).map(([name, value]) => [utf8ByteString(name), utf8ByteString(value)] as const) };
}

/** A string value. */
export function stringOf(value: string): ElementValue {
  return { type: 'string', value: utf8ByteString(value) };
}

/** A set value. */
export function setOf(...members: string[]): ElementValue {
  return { type: 'set', members: members.map(utf8ByteString) };
}
