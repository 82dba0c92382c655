import type { Element, ElementValue } from '../../model/element.ts';
import type { KeyState } from './recording-keys.ts';

/** What an entry costs beside its bytes. */
const overheadBytes = 64;

/**
 * Keeps the mirror within its bound: the least recently used elements that nobody is in flight on are dropped, and are read again
 * from the server when they are next touched.
 */
export class MirrorMemory {
  readonly #maxBytes: number;
  readonly #drop: (state: KeyState) => void;
  readonly #held = new Set<KeyState>();
  #bytes = 0;
  #uses = 0;

  constructor(maxBytes: number, drop: (state: KeyState) => void) {
    this.#maxBytes = maxBytes;
    this.#drop = drop;
  }

  /** Estimated bytes of all elements held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Notes a use. */
  used(state: KeyState): void {
    state.lastUse = ++this.#uses;
  }

  /** Notes what a key holds now; drops others where that is too much. */
  account(state: KeyState, element: Element | null): void {
    const size = element === null ? 0 : sizeOf(element.value) + state.key.length;
    this.#bytes += size - state.sizeBytes;
    state.sizeBytes = size;
    state.lastUse = ++this.#uses;
    if (size === 0) this.#held.delete(state);
    else this.#held.add(state);
    if (this.#bytes > this.#maxBytes) this.#shrink(state);
  }

  #shrink(keep: KeyState): void {
    const target = this.#maxBytes * 0.75;
    const isFree = (state: KeyState): boolean => state.holders + state.seals + state.parked + state.database.exclusive.length === 0;
    const candidates = [...this.#held].filter((state) => state !== keep && isFree(state)).sort((a, b) => a.lastUse - b.lastUse);
    for (const state of candidates) {
      if (this.#bytes <= target) return;
      this.#drop(state);
      this.#bytes -= state.sizeBytes;
      state.sizeBytes = 0;
      this.#held.delete(state);
    }
  }
}

/** Rough size of a value in memory. */
function sizeOf(value: ElementValue): number {
  let size = overheadBytes;
  switch (value.type) {
    case 'string': return size + value.value.length;
    case 'list': for (const item of value.items) size += item.length + 16; return size;
    case 'set': for (const member of value.members) size += member.length + overheadBytes; return size;
    case 'hash': for (const [field, text] of value.fields) size += field.length + text.length + overheadBytes; return size;
    case 'zset': for (const [member] of value.members) size += member.length + overheadBytes; return size;
    case 'stream':
      for (const item of value.items) for (const [field, text] of item.fields) size += field.length + text.length + overheadBytes;
      return size + value.groups.reduce((sum, group) => sum + group.pending.length * overheadBytes, 0);
  }
}
