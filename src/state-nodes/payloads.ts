import { contentHash, type ContentHash } from '../lib/content-hash.ts';
import { clipped, printable } from '../lib/bytes.ts';
import { ForeshardError } from '../model/errors.ts';
import type { RevisionName, StoredRevision } from './state-node.ts';

/** The longest payload a state node takes, in bytes. */
export const maxPayloadBytes: number = 64 * 1024 * 1024;

/** Whether bytes are what their hash says. */
export function isIntact(bytes: Uint8Array, hash: ContentHash): boolean {
  return contentHash(bytes) === hash;
}

/**
 * Refuses what no state node keeps. Equal payloads are stored once, by their hash: one whose hash is wrong would spoil every other with that hash.
 * @throws ForeshardError `payload_too_large`, `payload_corrupt`
 */
export function checkPayloads(nodeId: string, items: readonly StoredRevision[]): void {
  for (const item of items) {
    if (item.bytes.length > maxPayloadBytes) {
      throw new ForeshardError('payload_too_large', `${describe(item)} has ${item.bytes.length} bytes; state node ${nodeId} takes ${maxPayloadBytes} at most.`, {
        hint: 'Split the element, or leave it out of what is placed on state nodes.',
      });
    }
    if (!isIntact(item.bytes, item.hash)) {
      throw new ForeshardError('payload_corrupt', `The bytes of ${describe(item)} for state node ${nodeId} do not have the hash ${item.hash}.`, { hint: 'Read them again from where they came from.' });
    }
  }
}

/** The number of a revision that is named by its content, so that equal bytes are one revision of an element: the first 52 bits of the hash. */
export function contentRevision(hash: ContentHash): number {
  return Number.parseInt(hash.slice(0, 13), 16);
}

/** The text by which engines find a revision: `<revision> <key>`. */
export function revisionText(item: RevisionName): string {
  return `${item.revision} ${item.key}`;
}

/** The revision that a {@link revisionText} names. */
export function parseRevisionText(text: string): RevisionName {
  const space = text.indexOf(' ');
  return { revision: Number(text.slice(0, space)), key: text.slice(space + 1) };
}

/** Items in groups of at most so many, and of at most so many bytes where a group has more than one. */
export function batchesOf<T>(items: readonly T[], maxItems: number, maxBytes: number = Number.POSITIVE_INFINITY, sizeOf: (item: T) => number = () => 0): T[][] {
  const batches: T[][] = [];
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (batch.length > 0 && (batch.length >= maxItems || bytes + size > maxBytes)) {
      batches.push(batch);
      [batch, bytes] = [[], 0];
    }
    batch.push(item);
    bytes += size;
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}

function describe(item: RevisionName): string {
  return `Revision ${item.revision} of ${printable(clipped(item.key, 200))}`;
}
