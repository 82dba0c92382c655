import type { ContentHash } from '../lib/content-hash.ts';
import { ForeshardError } from '../model/errors.ts';

/*
 * The head of an element: the one mutable thing about it, pointing at its newest revision. Two ways to settle what was written at the same time (facts: DESIGN §6): the later hybrid logical
 * clock wins, or both are kept as siblings until a write that has seen both (dotted version vector sets, Almeida et al. 2014, "Scalable and accurate causality tracking"). Merging is
 * commutative, associative and idempotent either way, so that owners agree whatever reached them in whatever order.
 */

/** How heads that were written at the same time are settled. */
export type HeadOrder = 'last-writer-wins' | 'siblings';

/** One written value: a revision, or with `hash` null a deletion. */
export interface HeadValue {
  /** Names the write: a retry has the same. */
  readonly id: string;
  /** Hybrid logical clock. */
  readonly at: number;
  /** Who gave it its dot: a state node in one life. With last-writer-wins the writer, for ties. */
  readonly actor: string;
  /** How many writes this actor had made to the element, this one included; 0 with last-writer-wins. */
  readonly dot: number;
  readonly revision: number;
  readonly hash: ContentHash | null;
}

/** What has been seen of an element: for each actor up to which dot. */
export type VersionVector = Readonly<Record<string, number>>;

/** A head with what it has seen: values that are absent though seen were overwritten. */
export interface HeadState {
  readonly seen: VersionVector;
  readonly values: readonly HeadValue[];
}

/** The head of an element that was never written. */
export const noHead: HeadState = { seen: {}, values: [] };

/** Text of a head: equal heads have equal texts. */
export function encodeHead(head: HeadState): string {
  const seen = Object.fromEntries(Object.entries(head.seen).sort(([a], [b]) => (a < b ? -1 : 1)));
  const values = [...head.values].sort(byRecency).map(({ id, at, actor, dot, revision, hash }) => ({ id, at, actor, dot, revision, hash }));
  return JSON.stringify({ seen, values });
}

/** The head in a text; null: none. @throws ForeshardError `payload_corrupt` */
export function decodeHead(text: string | null): HeadState {
  if (text === null) return noHead;
  try {
    const { seen, values } = JSON.parse(text) as HeadState;
    if (typeof seen === 'object' && seen !== null && Array.isArray(values)) return { seen, values };
  } catch {
    // told below
  }
  throw new ForeshardError('payload_corrupt', `a state node gave a head that is none: ${text.slice(0, 80)}`);
}

/** What both know, once. */
export function mergeHeads(a: HeadState, b: HeadState, order: HeadOrder): HeadState {
  if (order === 'last-writer-wins') return { seen: {}, values: [...a.values, ...b.values].sort(byRecency).slice(0, 1) };
  const values = [...a.values.filter((value) => has(b, value) || !covers(b.seen, value)), ...b.values.filter((value) => !has(a, value) && !covers(a.seen, value))];
  return { seen: joined(a.seen, b.seen), values: values.sort(byRecency) };
}

/** A head after a write that had seen `context`: with siblings, the values it had seen are gone and a new dot of `actor` is there. A write that is there already changes nothing. */
export function putHead(head: HeadState, write: Omit<HeadValue, 'actor' | 'dot'>, context: VersionVector, actor: string, order: HeadOrder): HeadState {
  if (head.values.some(({ id }) => id === write.id)) return head;
  if (order === 'last-writer-wins') return mergeHeads(head, { seen: {}, values: [{ ...write, actor, dot: 0 }] }, order);
  const dot = Math.max(head.seen[actor] ?? 0, context[actor] ?? 0) + 1;
  const kept = head.values.filter((value) => !covers(context, value));
  return { seen: joined(joined(head.seen, context), { [actor]: dot }), values: [...kept, { ...write, actor, dot }].sort(byRecency) };
}

/** The newest first; a retry that got two dots counts once. */
export function distinctValues(head: HeadState): HeadValue[] {
  const ids = new Set<string>();
  return [...head.values].sort(byRecency).filter(({ id }) => !ids.has(id) && ids.add(id));
}

function byRecency(a: HeadValue, b: HeadValue): number {
  return b.at - a.at || compareText(b.id, a.id) || compareText(b.actor, a.actor) || b.dot - a.dot;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function has(head: HeadState, { actor, dot }: HeadValue): boolean {
  return head.values.some((value) => value.actor === actor && value.dot === dot);
}

function covers(seen: VersionVector, { actor, dot }: HeadValue): boolean {
  return (seen[actor] ?? 0) >= dot;
}

function joined(a: VersionVector, b: VersionVector): VersionVector {
  const out: Record<string, number> = { ...a };
  for (const [actor, dot] of Object.entries(b)) out[actor] = Math.max(out[actor] ?? 0, dot);
  return out;
}
