import type { ContentHash } from '../lib/content-hash.ts';
import { murmur3 } from '../lib/hash.ts';
import type { StateKey } from '../model/state-key.ts';
import type { RevisionName } from './state-node.ts';

/** A digest to which revisions can be added and taken away in any order: the exclusive or of two 32-bit hashes of each. */
export class SlotDigest {
  #high = 0;
  #low = 0;

  /** Adds a revision, or takes it away when it was added before. */
  toggle(item: RevisionName, hash: ContentHash): void {
    const text = `${item.revision} ${hash} ${item.key}`;
    this.#high ^= murmur3(text, 0x9747b28c);
    this.#low ^= murmur3(text, 0x1b873593);
  }

  /** 16 hexadecimal digits. */
  toString(): string {
    return hexadecimal(this.#high) + hexadecimal(this.#low);
  }
}

/** The digest of heads: equal for equal heads. 16 hexadecimal digits, zeros for none. */
export function headsDigest(heads: ReadonlyMap<StateKey, string>): string {
  let [high, low] = [0, 0];
  for (const [key, head] of heads) {
    const text = `${key} ${head}`;
    high ^= murmur3(text, 0x9747b28c);
    low ^= murmur3(text, 0x1b873593);
  }
  return hexadecimal(high) + hexadecimal(low);
}

function hexadecimal(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}
