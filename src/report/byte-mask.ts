import type { ByteString } from '../lib/bytes.ts';

/** A random byte of two runs is the same once in 256 times: so many equal bytes between two that differ are noise with them. */
const longestGap = 2;

/**
 * Which bytes of the binary values at one place differ from run to run, by their length: a value of another length is laid out in another
 * way. Bytes outside are compared exactly. Limit: where control runs differ in length nothing is known of the layout.
 */
export class ByteMask {
  readonly #byLength = new Map<number, Uint8Array>();
  /** Control runs had values of different lengths. */
  hidesAll = false;

  /** Learns from two values of control runs. */
  learn(a: ByteString, b: ByteString): void {
    if (a.length !== b.length) {
      this.hidesAll = true;
      return;
    }
    let mask = this.#byLength.get(a.length);
    if (mask === undefined) this.#byLength.set(a.length, (mask = new Uint8Array(a.length)));
    for (const at of differingBytes(a, b)) mask[at] = 1;
  }

  /** Whether two values differ only where those of control runs do. */
  covers(a: ByteString, b: ByteString): boolean {
    if (this.hidesAll) return true;
    const mask = a.length === b.length ? this.#byLength.get(a.length) : undefined;
    return mask !== undefined && differingBytes(a, b).every((at) => mask[at] === 1 || isInGap(mask, at));
  }

  /** The share of bytes that are noise, 0..1, for the longest value seen. */
  get share(): number {
    if (this.hidesAll) return 1;
    const longest = [...this.#byLength].reduce((most, entry) => (entry[0] > most[0] ? entry : most), [0, new Uint8Array(0)] as [number, Uint8Array]);
    return longest[0] === 0 ? 0 : longest[1].reduce((sum, bit) => sum + bit, 0) / longest[0];
  }
}

/** Where two values of one length differ. */
export function differingBytes(a: ByteString, b: ByteString): number[] {
  const positions: number[] = [];
  for (let at = 0; at < a.length; at++) if (a.charCodeAt(at) !== b.charCodeAt(at)) positions.push(at);
  return positions;
}

function isInGap(mask: Uint8Array, at: number): boolean {
  let [before, after] = [at - 1, at + 1];
  while (before >= 0 && mask[before] === 0 && at - before <= longestGap) before--;
  while (after < mask.length && mask[after] === 0 && after - at <= longestGap) after++;
  return mask[before] === 1 && mask[after] === 1 && after - before - 1 <= longestGap;
}
