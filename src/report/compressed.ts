import { gunzipSync, inflateSync } from 'node:zlib';
import { byteString, bytesOf, type ByteString } from '../lib/bytes.ts';

/** How a value is packed, and what it holds. */
export interface Unpacked {
  readonly format: 'gzip' | 'zlib';
  readonly bytes: ByteString;
}

/** Values that would be larger once decompressed are compared as they are. */
const largestUnpackedBytes = 64 * 1024 * 1024;

/** What a gzip or zlib value holds; undefined for what is none, or is more than one. */
export function unpacked(bytes: ByteString): Unpacked | undefined {
  const format = formatOf(bytes);
  if (format === undefined) return undefined;
  const options = { maxOutputLength: largestUnpackedBytes, info: true } as const;
  try {
    // with `info` the answer tells how much was read: what follows the compressed part must not go uncompared
    const found = (format === 'gzip' ? gunzipSync(bytesOf(bytes), options) : inflateSync(bytesOf(bytes), options)) as unknown as WithEngine;
    return found.engine.bytesWritten === bytes.length ? { format, bytes: byteString(found.buffer) } : undefined;
  } catch {
    return undefined; // it only looked like one
  }
}

/** What zlib's functions give with the option `info`, which their types leave out. */
interface WithEngine { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } }

/** By the first bytes: RFC 1952, and RFC 1950 with a window of 32 KB, which is what all libraries write. */
function formatOf(bytes: ByteString): Unpacked['format'] | undefined {
  if (bytes.startsWith('\x1f\x8b\x08')) return 'gzip';
  return bytes.length > 6 && bytes[0] === 'x' && ((0x78 << 8) | bytes.charCodeAt(1)) % 31 === 0 ? 'zlib' : undefined;
}
