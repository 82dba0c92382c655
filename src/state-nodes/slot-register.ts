import type { StateKey } from '../model/state-key.ts';

/*
 * What a state node knows of one slot beyond immutable revisions: who owns the slot, and the heads of its elements. Intuition: a state node is passive (a Redis or a Memcached runs
 * none of our code), so everything that safety rests on is one compare-and-set of one register. Two rules for every operation (DESIGN §6): it carries the
 * caller's entry of the slot, and a newer one is adopted while an older one is refused with the newer one attached; and a head counts as read or written only on an
 * active owner. Pure: every engine runs this same code between loading a register and storing it back on condition that nothing changed.
 */

/** Who owns a slot, as of an epoch. Members by name (id, `@`, life). */
export interface SlotEntry {
  readonly incarnation: number;
  readonly epoch: number;
  readonly own: readonly string[];
  /** The owners before, while a change is under way; else empty. */
  readonly old: readonly string[];
  /** Owners that must pull before they are active. */
  readonly joining: readonly string[];
  /** From how many of the old ones. */
  readonly pull: number;
}

/** A register without its heads. */
export interface RegisterState {
  /** Null: nobody has told this node who owns the slot. */
  readonly entry: SlotEntry | null;
  /** The entry for which this node has pulled, as `incarnation.epoch`; null: none. */
  readonly activated: string | null;
}

/** One change of a head: from the very text expected, null for none, to another. */
export interface HeadSwap {
  readonly key: StateKey;
  readonly expected: string | null;
  readonly next: string | null;
}

/** What can be asked of a register. Each is atomic and may arrive twice. */
export type RegisterOperation =
  /** What there is, adopting nothing. */
  | { readonly op: 'look'; readonly slot: number }
  /** The heads of these elements. */
  | { readonly op: 'read'; readonly slot: number; readonly entry: SlotEntry; readonly keys: readonly StateKey[] }
  /** All of these changes or none. */
  | { readonly op: 'swap'; readonly slot: number; readonly entry: SlotEntry; readonly swaps: readonly HeadSwap[] }
  /** Adopt the entry, so that older ones are refused from now on, and give all heads there are. */
  | { readonly op: 'fence'; readonly slot: number; readonly entry: SlotEntry }
  /** This node has now what the old owners acknowledged: serve from here on. */
  | { readonly op: 'activate'; readonly slot: number; readonly entry: SlotEntry }
  /** Forget all heads if they still have this digest: for who is no owner any longer. */
  | { readonly op: 'release'; readonly slot: number; readonly entry: SlotEntry; readonly digest: string };

/** What a register answers. */
export type RegisterAnswer =
  /** Done. `heads` are those asked for in order (read), or all of them (fence), else empty; `before`: the entry known until now. */
  | { readonly status: 'ok'; readonly active: boolean; readonly heads: readonly HeadOf[]; readonly before: SlotEntry | null }
  /** What a look saw: the state, and the digest of the heads. */
  | { readonly status: 'seen'; readonly state: RegisterState; readonly digest: string }
  /** Refused: the node knows a newer entry. */
  | { readonly status: 'stale'; readonly entry: SlotEntry }
  /** Refused: a head is not as expected. These are the heads of the swap as they are. */
  | { readonly status: 'changed'; readonly active: boolean; readonly heads: readonly HeadOf[] };

/** A head by name; null: there is none. */
export interface HeadOf {
  readonly key: StateKey;
  readonly head: string | null;
}

/** A register's contents for one operation: its state, and the heads that the operation looks at (all of them where it says so). */
export interface RegisterView {
  readonly state: RegisterState;
  readonly heads: ReadonlyMap<StateKey, string>;
}

/** What an operation does to a register: the answer, and what is to be stored if nothing has changed meanwhile. */
export interface RegisterStep {
  readonly answer: RegisterAnswer;
  /** The state to store; undefined: as it was. */
  readonly state?: RegisterState;
  readonly heads: readonly HeadSwap[];
}

/** The register of a slot that nobody has used. */
export const emptyRegister: RegisterState = { entry: null, activated: null };

/** The keys whose heads an operation looks at; `all`: every one of the slot. */
export function keysOf(operation: RegisterOperation): readonly StateKey[] | 'all' {
  switch (operation.op) {
    case 'read': return operation.keys;
    case 'swap': return operation.swaps.map(({ key }) => key);
    case 'activate': return [];
    case 'look': case 'fence': case 'release': return 'all';
  }
}

/** Runs an operation. `self`: the name of this node in entries. */
export function registerStep(self: string, view: RegisterView, operation: RegisterOperation, digestOf: (heads: ReadonlyMap<StateKey, string>) => string): RegisterStep {
  const before = view.state;
  if (operation.op === 'look') return { answer: { status: 'seen', state: before, digest: digestOf(view.heads) }, heads: [] };
  // A newer incarnation comes from a recovery, which must not pass over a later epoch that only this node remembers.
  const known = before.entry;
  if (known !== null && (operation.entry.incarnation < known.incarnation || operation.entry.epoch < known.epoch)) return { answer: { status: 'stale', entry: known }, heads: [] };
  const adopted = before.entry === null || compareEntries(operation.entry, before.entry) > 0;
  const entry = operation.entry;
  const state: RegisterState = operation.op === 'activate' ? { entry, activated: epochName(entry) } : { entry, activated: before.activated };
  const active = isActive(self, state);
  const changed = adopted || state.activated !== before.activated ? { state } : {};
  const ok = (heads: readonly HeadOf[]): RegisterAnswer => ({ status: 'ok', active, heads, before: before.entry });
  const found = (keys: readonly StateKey[]): HeadOf[] => keys.map((key) => ({ key, head: view.heads.get(key) ?? null }));
  switch (operation.op) {
    case 'read': return { answer: ok(found(operation.keys)), heads: [], ...changed };
    case 'fence': return { answer: ok(found([...view.heads.keys()])), heads: [], ...changed };
    case 'activate': return { answer: ok([]), heads: [], ...changed };
    case 'swap': {
      const asExpected = operation.swaps.every(({ key, expected }) => (view.heads.get(key) ?? null) === expected);
      if (!asExpected) return { answer: { status: 'changed', active, heads: found(operation.swaps.map(({ key }) => key)) }, heads: [], ...changed };
      return { answer: ok([]), heads: operation.swaps, ...changed };
    }
    case 'release': {
      const all = found([...view.heads.keys()]);
      if (entry.own.includes(self) || digestOf(view.heads) !== operation.digest) return { answer: { status: 'changed', active, heads: all }, heads: [], ...changed };
      return { answer: ok([]), heads: all.map(({ key, head }) => ({ key, expected: head, next: null })), ...changed };
    }
  }
}

/** Whether a node serves the slot: it is an owner, and if it had to pull for this entry, it has. */
function isActive(self: string, { entry, activated }: RegisterState): boolean {
  return entry !== null && entry.own.includes(self) && (!entry.joining.includes(self) || activated === epochName(entry));
}

/** Negative: the first is older. */
export function compareEntries(a: Pick<SlotEntry, 'incarnation' | 'epoch'>, b: Pick<SlotEntry, 'incarnation' | 'epoch'>): number {
  return a.incarnation - b.incarnation || a.epoch - b.epoch;
}

/** An entry's generation as text. */
function epochName({ incarnation, epoch }: Pick<SlotEntry, 'incarnation' | 'epoch'>): string {
  return `${incarnation}.${epoch}`;
}
