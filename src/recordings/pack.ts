import { byteString } from '../lib/bytes.ts';
import { murmur3 } from '../lib/hash.ts';

/*
 * A pack is a row of entries: header, then the stored bytes. The header carries a checksum of its own, so a scan can tell an entry
 * that was cut off (a killed recorder) from damage.
 *
 *     0  32  SHA-256 of the payload
 *    32   1  0: stored as it is, 1: deflate-raw
 *    33   4  stored bytes, big endian
 *    37   4  payload bytes, big endian
 *    41   4  murmur3 of the 41 bytes before
 */

/** Bytes of an entry's header. */
export const headerBytes = 45;

/** Bytes of an entry of a pack's index: hash, flag, position of the stored bytes (6), their number, the payload's. */
const rowBytes = 47;

/** Where a payload is in its pack. */
export interface PackEntry {
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array;
  readonly deflated: boolean;
  /** Of the stored bytes, from the beginning of the pack. */
  readonly offset: number;
  readonly storedBytes: number;
  readonly sizeBytes: number;
}

/** The header of an entry whose stored bytes follow it. */
export function encodeHeader(entry: Omit<PackEntry, 'offset'>): Buffer {
  const header = Buffer.allocUnsafe(headerBytes);
  header.set(entry.hash, 0);
  header[32] = entry.deflated ? 1 : 0;
  header.writeUInt32BE(entry.storedBytes, 33);
  header.writeUInt32BE(entry.sizeBytes, 37);
  header.writeUInt32BE(murmur3(byteString(header.subarray(0, 41))), 41);
  return header;
}

/** Reads a header that begins at `offset` of its pack; undefined when it is damaged. */
export function decodeHeader(header: Buffer, offset: number): PackEntry | undefined {
  if (header.length !== headerBytes || header.readUInt32BE(41) !== murmur3(byteString(header.subarray(0, 41)))) return undefined;
  return {
    hash: Buffer.from(header.subarray(0, 32)), deflated: header[32] === 1, offset: offset + headerBytes,
    storedBytes: header.readUInt32BE(33), sizeBytes: header.readUInt32BE(37),
  };
}

/** Collects where the payloads of a pack are: 47 bytes each. */
export class PackIndexBuilder {
  #rows = Buffer.allocUnsafeSlow(rowBytes * 256);
  #length = 0;

  /** Adds a payload of the pack. */
  add(entry: PackEntry): void {
    if (this.#length === this.#rows.length) {
      const grown = Buffer.allocUnsafeSlow(this.#length * 2);
      this.#rows.copy(grown);
      this.#rows = grown;
    }
    const rows = this.#rows;
    const at = this.#length;
    rows.set(entry.hash, at);
    rows[at + 32] = entry.deflated ? 1 : 0;
    rows.writeUIntBE(entry.offset, at + 33, 6);
    rows.writeUInt32BE(entry.storedBytes, at + 39);
    rows.writeUInt32BE(entry.sizeBytes, at + 43);
    this.#length += rowBytes;
  }

  /** The index of what was added so far. */
  build(): PackIndex {
    return PackIndex.of(this.#rows.subarray(0, this.#length));
  }
}

/** Where every payload of one pack is: rows sorted by hash in one buffer, 47 bytes a payload, searched in halves. */
export class PackIndex {
  readonly #rows: Buffer;

  private constructor(rows: Buffer) {
    this.#rows = rows;
  }

  /** The index of rows in any order. */
  static of(rows: Buffer): PackIndex {
    const count = rows.length / rowBytes;
    // Sorted by the first 48 bits as numbers, which is ten times as fast as comparing buffers, and by the rest where those are equal.
    const heads = Float64Array.from({ length: count }, (_, row) => rows.readUIntBE(row * rowBytes, 6));
    const order = Uint32Array.from({ length: count }, (_, row) => row).sort((a, b) => {
      const first = (heads[a] ?? 0) - (heads[b] ?? 0);
      return first === 0 ? rows.compare(rows, b * rowBytes, b * rowBytes + 32, a * rowBytes, a * rowBytes + 32) : first;
    });
    const sorted = Buffer.allocUnsafeSlow(rows.length);
    for (const [place, row] of order.entries()) rows.copy(sorted, place * rowBytes, row * rowBytes, (row + 1) * rowBytes);
    return new PackIndex(sorted);
  }

  /** Payloads in the pack. */
  get size(): number {
    return this.#rows.length / rowBytes;
  }

  /** Finds a payload by its hash in hexadecimal digits. */
  find(hash: string): PackEntry | undefined {
    const wanted = Buffer.from(hash, 'hex');
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const start = middle * rowBytes;
      const order = this.#rows.compare(wanted, 0, 32, start, start + 32);
      if (order === 0) return this.#row(start);
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return undefined;
  }

  /** The file: magic, size of the pack it describes, rows, checksum of all before. */
  encode(packSizeBytes: number): Buffer {
    const head = Buffer.alloc(14);
    head.write('FSINDEX1', 'latin1');
    head.writeUIntBE(packSizeBytes, 8, 6);
    const body = Buffer.concat([head, this.#rows]);
    const check = Buffer.alloc(4);
    check.writeUInt32BE(murmur3(byteString(body)));
    return Buffer.concat([body, check]);
  }

  /** Reads the file; undefined when it is damaged or describes a pack of another size. */
  static decode(file: Buffer, packSizeBytes: number): PackIndex | undefined {
    if (file.length < 18 || (file.length - 18) % rowBytes !== 0 || file.toString('latin1', 0, 8) !== 'FSINDEX1') return undefined;
    const body = file.subarray(0, -4);
    if (file.readUIntBE(8, 6) !== packSizeBytes || file.readUInt32BE(file.length - 4) !== murmur3(byteString(body))) return undefined;
    return new PackIndex(body.subarray(14));
  }

  #row(start: number): PackEntry {
    const rows = this.#rows;
    return {
      hash: rows.subarray(start, start + 32), deflated: rows[start + 32] === 1, offset: rows.readUIntBE(start + 33, 6),
      storedBytes: rows.readUInt32BE(start + 39), sizeBytes: rows.readUInt32BE(start + 43),
    };
  }
}
