import { slotCount } from '../model/shard-map.ts';

/** Bytes of {@link SlotBits}. */
export const slotBitsBytes: number = slotCount / 8;

/** A set of slots as one bit each. */
export class SlotBits {
  readonly bytes: Uint8Array;

  /** @param bytes 8 KB, copied; none: the empty set */
  constructor(bytes?: Uint8Array) {
    this.bytes = new Uint8Array(slotBitsBytes);
    if (bytes !== undefined) this.bytes.set(bytes.subarray(0, slotBitsBytes));
  }

  has(slot: number): boolean {
    return ((this.bytes[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0;
  }

  /** Adds slots; whether any was new. */
  add(slots: Iterable<number>): boolean {
    let isNew = false;
    for (const slot of slots) {
      isNew ||= !this.has(slot);
      this.bytes[slot >> 3] = (this.bytes[slot >> 3] ?? 0) | (1 << (slot & 7));
    }
    return isNew;
  }

  /** The slots, in order. */
  slots(): number[] {
    return Array.from({ length: slotCount }, (_, slot) => slot).filter((slot) => this.has(slot));
  }
}
