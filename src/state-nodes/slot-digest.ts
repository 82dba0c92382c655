import type { ContentHash } from '../lib/content-hash.ts';
import { murmur3 } from '../lib/hash.ts';
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
    const part = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return part(this.#high) + part(this.#low);
  }
}
