/**
 * HyperLogLog in Redis' own bytes: a 16-byte header (magic, encoding, cached cardinality) and 16,384 registers, either 6 bits each
 * (dense) or run-length coded (sparse). Estimation: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017.
 */
import { bytesOf, byteString, type ByteString } from '../../lib/bytes.ts';
import { integerReply } from '../integers.ts';
import { CommandError } from '../reply.ts';

const registerCount = 16_384;
const headerBytes = 16;
const hashBits = 50;
const denseBytes = headerBytes + (registerCount * 6) / 8;
/** Redis' default of hll-sparse-max-bytes, the header included. */
const maxSparseBytes = 3000;
const maxSparseValue = 32;
const magic = 'HYLL';

/** A HyperLogLog being changed: `bytes` is the whole value. */
export interface HyperLogLog {
  bytes: number[];
}

/** Whether all registers are kept, rather than runs of them. */
export const isDense = (log: HyperLogLog): boolean => log.bytes[4] === 0;

/** One run of a sparse value: `zero` of up to 64 registers, `xzero` of up to 16,384 in two bytes, `value` of up to 4 equal ones. */
interface Run {
  readonly kind: 'zero' | 'xzero' | 'value';
  readonly length: number;
  readonly value: number;
}

/** A new sparse one: a single run of zeros. */
export function emptyLog(): HyperLogLog {
  return { bytes: [...bytesOf(magic), 1, ...Array.from({ length: 11 }, () => 0), ...zeros(registerCount)] };
}

/** The HyperLogLog in a string value; throws where it is none. */
export function parseLog(text: ByteString): HyperLogLog {
  const encoding = text.charCodeAt(4);
  const isValid = text.length >= headerBytes && text.startsWith(magic) && encoding <= 1 && (encoding === 1 || text.length === denseBytes);
  if (!isValid) throw new CommandError('WRONGTYPE Key is not a valid HyperLogLog string value.');
  return { bytes: [...bytesOf(text)] };
}

/** The string value of a HyperLogLog. */
export function logText(log: HyperLogLog): ByteString {
  return byteString(Uint8Array.from(log.bytes));
}

/** Marks the cached cardinality as out of date. */
export function invalidateCache(log: HyperLogLog): void {
  log.bytes[15] = (log.bytes[15] ?? 0) | 0x80;
}

/** The cardinality kept in the header, or undefined where it is out of date. */
export function cachedCount(text: ByteString): number | bigint | undefined {
  if ((text.charCodeAt(15) & 0x80) !== 0) return undefined;
  let count = 0n;
  for (let i = 15; i >= 8; i--) count = count * 256n + BigInt(text.charCodeAt(i));
  return integerReply(count);
}

/** Writes the cardinality into the header. */
export function withCachedCount(text: ByteString, count: number): ByteString {
  let rest = count;
  let card = '';
  for (let i = 0; i < 8; i++) {
    card += String.fromCharCode(rest % 256);
    rest = Math.floor(rest / 256);
  }
  return text.slice(0, 8) + card + text.slice(headerBytes);
}

/** The register that an element falls on, and the length of its run of zeros. */
export function positionOf(element: ByteString): { readonly index: number; readonly count: number } {
  const hash = murmur64(element);
  const rest = (hash >> 14n) | (1n << BigInt(hashBits));
  let count = 1;
  while (((rest >> BigInt(count - 1)) & 1n) === 0n) count++;
  return { index: Number(hash & BigInt(registerCount - 1)), count };
}

/** MurmurHash64A (Austin Appleby, public domain) with Redis' seed. */
function murmur64(text: ByteString): bigint {
  const m = 0xc6a4a7935bd1e995n;
  const mask = (1n << 64n) - 1n;
  const bytes = bytesOf(text);
  let h = 0xadc83b19n ^ ((BigInt(bytes.length) * m) & mask);
  const whole = bytes.length & ~7;
  for (let i = 0; i < whole; i += 8) {
    let k = (bytes.readBigUInt64LE(i) * m) & mask;
    k = ((k ^ (k >> 47n)) * m) & mask;
    h = ((h ^ k) * m) & mask;
  }
  if (whole < bytes.length) {
    let tail = 0n;
    for (let i = bytes.length - 1; i >= whole; i--) tail = (tail << 8n) | BigInt(bytes[i] ?? 0);
    h = ((h ^ tail) * m) & mask;
  }
  h = ((h ^ (h >> 47n)) * m) & mask;
  return h ^ (h >> 47n);
}

/** Raises a register to `count`; false where it was there already. */
export function raiseRegister(log: HyperLogLog, index: number, count: number): boolean {
  if (!isDense(log)) {
    const changed = count > maxSparseValue ? undefined : raiseSparse(log, index, count);
    if (changed !== undefined) return changed;
    makeDense(log);
  }
  if (denseRegister(log.bytes, index) >= count) return false;
  setDenseRegister(log.bytes, index, count);
  return true;
}

/** All registers; throws where the sparse code does not cover them exactly. */
export function registersOf(log: HyperLogLog): Uint8Array {
  const registers = new Uint8Array(registerCount);
  if (isDense(log)) {
    for (let i = 0; i < registerCount; i++) registers[i] = denseRegister(log.bytes, i);
    return registers;
  }
  let index = 0;
  for (let at = headerBytes; at < log.bytes.length; ) {
    const { kind, length, value } = runAt(log.bytes, at);
    at += kind === 'xzero' ? 2 : 1;
    if (index + length > registerCount) throw corrupted();
    registers.fill(value, index, index + length);
    index += length;
  }
  if (index !== registerCount) throw corrupted();
  return registers;
}

const corrupted = (): CommandError => new CommandError('INVALIDOBJ Corrupted HLL object detected');

/** Changes a sparse one to dense, the cached cardinality kept. */
export function makeDense(log: HyperLogLog): void {
  if (isDense(log)) return;
  const registers = registersOf(log);
  const bytes = [...log.bytes.slice(0, headerBytes), ...Array.from({ length: denseBytes - headerBytes }, () => 0)];
  bytes[4] = 0;
  for (const [index, value] of registers.entries()) if (value > 0) setDenseRegister(bytes, index, value);
  log.bytes = bytes;
}

function denseRegister(bytes: readonly number[], index: number): number {
  const at = headerBytes + ((index * 6) >> 3);
  const shift = (index * 6) & 7;
  return (((bytes[at] ?? 0) >> shift) | ((bytes[at + 1] ?? 0) << (8 - shift))) & 63;
}

function setDenseRegister(bytes: number[], index: number, value: number): void {
  const at = headerBytes + ((index * 6) >> 3);
  const shift = (index * 6) & 7;
  bytes[at] = ((bytes[at] ?? 0) & ~(63 << shift) & 255) | ((value << shift) & 255);
  if (shift > 2) bytes[at + 1] = ((bytes[at + 1] ?? 0) & ~(63 >> (8 - shift)) & 255) | (value >> (8 - shift));
}

function runAt(bytes: readonly number[], at: number): Run {
  const byte = bytes[at] ?? 0;
  if (byte >= 128) return { kind: 'value', length: (byte & 3) + 1, value: ((byte >> 2) & 31) + 1 };
  if (byte >= 64) return { kind: 'xzero', length: (((byte & 63) << 8) | (bytes[at + 1] ?? 0)) + 1, value: 0 };
  return { kind: 'zero', length: byte + 1, value: 0 };
}

const zeros = (length: number): number[] => (length === 0 ? [] : length > 64 ? [0x40 | ((length - 1) >> 8), (length - 1) & 255] : [length - 1]);
const values = (value: number, length: number): number[] => (length === 0 ? [] : [0x80 | ((value - 1) << 2) | (length - 1)]);

/** As raiseRegister on the sparse code; undefined where it would become too long. */
function raiseSparse(log: HyperLogLog, index: number, count: number): boolean | undefined {
  const { bytes } = log;
  let at = headerBytes;
  let previous = headerBytes;
  let first = 0;
  for (; at < bytes.length; ) {
    const { kind, length } = runAt(bytes, at);
    if (index < first + length) break;
    previous = at;
    at += kind === 'xzero' ? 2 : 1;
    first += length;
  }
  if (at >= bytes.length) throw corrupted();
  const run = runAt(bytes, at);
  if (run.value >= count) return false;
  const before = index - first;
  const after = run.length - before - 1;
  const fill = (length: number): number[] => (run.kind === 'value' ? values(run.value, length) : zeros(length));
  const replacement = [...fill(before), ...values(count, 1), ...fill(after)];
  const oldLength = run.kind === 'xzero' ? 2 : 1;
  if (replacement.length > oldLength && bytes.length + replacement.length - oldLength > maxSparseBytes) return undefined;
  bytes.splice(at, oldLength, ...replacement);
  mergeRuns(bytes, previous);
  return true;
}

/** Joins equal neighbouring values, looking at five runs from where the change began. */
function mergeRuns(bytes: number[], from: number): void {
  let at = from;
  for (let step = 0; step < 5 && at < bytes.length; step++) {
    const run = runAt(bytes, at);
    const next = at + 1 < bytes.length ? runAt(bytes, at + 1) : undefined;
    if (run.kind === 'value' && next?.kind === 'value' && run.value === next.value && run.length + next.length <= 4) {
      bytes.splice(at, 2, ...values(run.value, run.length + next.length));
    } else {
      at += run.kind === 'xzero' ? 2 : 1;
    }
  }
}

/** The estimated number of distinct elements. */
export function estimate(registers: Uint8Array): number {
  const histogram = Array.from({ length: 64 }, () => 0);
  for (const value of registers) histogram[value] = (histogram[value] ?? 0) + 1;
  const m = registerCount;
  let z = m * tau((m - (histogram[hashBits + 1] ?? 0)) / m);
  for (let j = hashBits; j >= 1; j--) z = (z + (histogram[j] ?? 0)) * 0.5;
  z += m * sigma((histogram[0] ?? 0) / m);
  return Math.round((0.7213475204444817 * m * m) / z);
}

function sigma(start: number): number {
  if (start === 1) return Infinity;
  let [x, y, z, last] = [start, 1, start, Number.NaN];
  while (z !== last) {
    x *= x;
    last = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(start: number): number {
  if (start === 0 || start === 1) return 0;
  let [x, y, z, last] = [start, 1, 1 - start, Number.NaN];
  while (z !== last) {
    x = Math.sqrt(x);
    last = z;
    y *= 0.5;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
