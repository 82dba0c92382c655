import { bytesOf, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { groupBy } from '../lib/group-by.ts';
import { Lru } from '../lib/lru.ts';
import type { StateKey } from '../model/state-key.ts';
import { headsDigest } from './slot-digest.ts';
import { emptyRegister, keysOf, registerStep, type RegisterAnswer, type RegisterOperation, type RegisterState, type SlotEntry } from './slot-register.ts';

/*
 * What engines that are servers share: a register's state and heads as bytes, and the operations of a batch put together by slot, so that a slot is loaded and
 * stored once however many operations there are on it.
 */

const encoded = new WeakMap<RegisterState, ByteString>();

/** The state of a register as bytes; equal for equal states. */
export function encodeState(state: RegisterState): ByteString {
  let bytes = encoded.get(state);
  if (bytes === undefined) encoded.set(state, (bytes = encode(state)));
  return bytes;
}

function encode({ entry, activated }: RegisterState): ByteString {
  return utf8ByteString(`{"activated":${JSON.stringify(activated)},"entry":${entry === null ? 'null' : encodeEntry(entry)}}`);
}

const encodedEntries = new WeakMap<SlotEntry, string>();

/** Many slots have the same entry: each is written once. */
function encodeEntry(entry: SlotEntry): string {
  let text = encodedEntries.get(entry);
  if (text === undefined) encodedEntries.set(entry, (text = JSON.stringify(Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1))))));
  return text;
}

/** Most slots have one of a few states: each is read once. */
const decoded = new Lru<ByteString, RegisterState>(4096);

/** The reverse of {@link encodeState}; null: a register that nobody has used. @throws SyntaxError for other bytes */
export function decodeState(bytes: ByteString | null): RegisterState {
  if (bytes === null) return emptyRegister;
  let state = decoded.get(bytes);
  if (state === undefined) decoded.set(bytes, (state = JSON.parse(decodeText(bytes)) as RegisterState));
  return state;
}

/** Text as bytes, for heads. */
export const encodeText: (text: string) => ByteString = utf8ByteString;

/** The reverse of {@link encodeText}. */
export function decodeText(bytes: ByteString): string {
  return bytesOf(bytes).toString('utf8');
}

/** The operations of a batch on one slot. */
export interface SlotBatch {
  readonly slot: number;
  readonly operations: readonly RegisterOperation[];
  /** Where in the batch they stood. */
  readonly places: readonly number[];
  /** The heads they look at. */
  readonly keys: readonly StateKey[] | 'all';
}

/** A batch by slot. */
export function bySlot(operations: readonly RegisterOperation[]): SlotBatch[] {
  return [...groupBy(operations.keys(), (place) => (operations[place] as RegisterOperation).slot)].map(([slot, places]) => {
    const own = places.map((place) => operations[place] as RegisterOperation);
    const keys = own.map(keysOf);
    return { slot, places, operations: own, keys: keys.includes('all') ? 'all' : [...new Set((keys as StateKey[][]).flat())] };
  });
}

/** What a batch does to a register. */
export interface BatchOutcome {
  readonly answers: readonly RegisterAnswer[];
  readonly state: RegisterState;
  /** The heads afterwards, of those the operations looked at. */
  readonly heads: ReadonlyMap<StateKey, string>;
  /** Whether anything is to be stored. */
  readonly isChanged: boolean;
}

/** Runs operations one after the other on a register. `self`: the name of this node in entries. */
export function runBatch(self: string, before: { readonly state: RegisterState; readonly heads: ReadonlyMap<StateKey, string> }, operations: readonly RegisterOperation[]): BatchOutcome {
  const heads = new Map(before.heads);
  let state = before.state;
  const answers = operations.map((operation) => {
    const step = registerStep(self, { state, heads }, operation, headsDigest);
    state = step.state ?? state;
    for (const { key, next } of step.heads) {
      if (next === null) heads.delete(key);
      else heads.set(key, next);
    }
    return step.answer;
  });
  const isSame = state === before.state && heads.size === before.heads.size && [...heads].every(([key, head]) => before.heads.get(key) === head);
  return { answers, state, heads, isChanged: !isSame };
}
