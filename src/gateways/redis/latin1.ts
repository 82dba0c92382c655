import type { ByteString } from '../../lib/bytes.ts';

/** Node's own method behind `toString('latin1')`; without the look-up of the encoding's name, which costs more than a short key. */
interface Latin1Sliceable {
  latin1Slice(start: number, end: number): string;
}

/** The bytes from `start` to `end` (exclusive) as a byte string: a copy, one char a byte. */
export function latin1(chunk: Buffer, start: number, end: number): ByteString {
  return (chunk as Buffer & Latin1Sliceable).latin1Slice(start, end);
}
