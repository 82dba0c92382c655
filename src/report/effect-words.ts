/* What a case did to an element, in words. */
import { expiryInWords } from '../model/expiry-words.ts';
import type { ExpiryEffect } from '../model/run.ts';
import type { ChangeKind, TreeChange } from './diff-tree.ts';
import type { WriteDocument } from './document.ts';
import { anyIndex } from './paths.ts';
import { valuePlace } from './places.ts';
import type { Tree } from './tree.ts';
import { show, shorten } from './words.ts';

/** Most fields or members named one by one. */
const mostNamed = 5;

/** How a place inside a value differs. */
export const changeWords: Readonly<Record<ChangeKind, string>> = {
  value: 'differs', name: 'differs', type: 'has another type', missing: 'is missing', extra: 'is new', order: 'has the same items in another order',
};

/** One sentence on a key that only one of the two wrote. */
export function wholeKeyMessage(kind: 'write_missing' | 'write_extra', write: WriteDocument): string {
  const isExpiryOnly = write.after !== null && !write.valueWritten;
  const [subject, what] = isExpiryOnly ? [`${write.key}: its expiry`, write.expiry?.kind === 'cleared' ? 'cleared' : 'set'] : [write.key, write.after === null ? 'deleted' : 'written'];
  return `${subject} is ${kind === 'write_missing' ? `no longer ${what}` : `${what}, which the baseline did not do`}`;
}

/** What was done to a key: the fields or members that were assigned or removed, the value, or the expiry alone. */
export function whatWasDone(write: WriteDocument): string {
  if (write.after === null) return 'deleted';
  if (!write.valueWritten) return expiryInWords(write.expiry);
  if (write.parts.size === 0) return show(write.after) ?? '';
  const named = [...write.parts].slice(0, mostNamed).map((part) => {
    const tree = partTree(write, part);
    if (tree === null) return `removes ${shorten(part, 80)}`;
    return write.type === 'hash' ? `${shorten(part, 80)} = ${shorten(show(tree) ?? '', 120)}` : `adds ${shorten(show(tree) ?? '', 120)}`;
  });
  return [...named, ...write.parts.size > mostNamed ? [`${write.parts.size - mostNamed} more`] : []].join(', ');
}

/** One sentence on two expiries that differ. */
export function expiryMessage(baseline: ExpiryEffect | null, candidate: ExpiryEffect | null): string {
  if (candidate === null) return 'its expiry is no longer set';
  if (baseline === null) return `its expiry is ${candidate.kind === 'cleared' ? 'cleared' : 'set'}, which the baseline did not do`;
  if (candidate.kind === 'cleared') return 'its expiry is cleared instead of set';
  return baseline.kind === 'cleared' ? 'its expiry is set instead of cleared' : 'expires at another time';
}

/** What a key's expiry is set to; a new one without any never expires. */
export function expiryOf(write: WriteDocument): string {
  return write.expiry === null && !write.existedBefore ? 'never expires' : expiryInWords(write.expiry);
}

/** A field or member by its label; null when it is not there afterwards. */
export function partTree(write: WriteDocument, part: string): Tree | null {
  if (write.after?.kind === 'object') return write.after.entries.get(part) ?? null;
  return write.after?.kind === 'bag' ? write.after.items.find((item) => item.label === part)?.tree ?? null : null;
}

/** `field qty`, `member "a"`. */
export function partName(write: WriteDocument, part: string): string {
  return `${write.type === 'hash' ? 'field' : 'member'} ${shorten(part, 80)}`;
}

/** Where inside a value something differs: `field payload: items.2.qty`, `total`, `item 3`, `the value`. */
export function placeInValue(write: WriteDocument, change: TreeChange, part: string | undefined): string {
  const inside = change.segments.slice(valuePlace(write).length + (part === undefined ? 0 : 1)).filter((segment) => segment !== anyIndex);
  const first = part === undefined ? write.type === 'list' && inside.length > 0 ? `item ${String(inside.shift())}` : undefined : partName(write, part);
  if (inside.length === 0) return first ?? 'the value';
  return first === undefined ? inside.join('.') : `${first}: ${inside.join('.')}`;
}
