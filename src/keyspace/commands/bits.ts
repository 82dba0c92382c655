import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext, CommandSpec } from '../command.ts';
import { assignString } from '../assign.ts';
import { numberArgument } from '../integers.ts';
import { CommandError, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';
import { bitOffsetArgument } from './bit-offset.ts';
import { bitfield, bitfieldRo } from './bitfield.ts';
import { changeString, readString } from './strings.ts';

type Run = (context: CommandContext, args: readonly ByteString[]) => Reply;

const setbit: Run = (context, [key = '', offsetText = '', bitText = '']) => {
  const offset = bitOffsetArgument(offsetText);
  const bit = numberArgument(bitText, 'ERR bit is not an integer or out of range');
  if (bit !== 0 && bit !== 1) throw new CommandError('ERR bit is not an integer or out of range');
  const value = readString(context, key) ?? '';
  const index = Math.floor(offset / 8);
  const byte = index < value.length ? value.charCodeAt(index) : 0;
  const mask = 0x80 >> (offset % 8);
  const changed = String.fromCharCode(bit === 1 ? byte | mask : byte & ~mask);
  changeString(context, key, value.slice(0, index).padEnd(index, '\0') + changed + value.slice(index + 1));
  return (byte & mask) === 0 ? 0 : 1;
};

const getbit: Run = (context, [key = '', offsetText = '']) => {
  const offset = bitOffsetArgument(offsetText);
  return bitAt(readString(context, key) ?? '', offset);
};

/** The bit at this offset; 0 beyond the end. */
function bitAt(value: ByteString, offset: number): 0 | 1 {
  const index = Math.floor(offset / 8);
  return index < value.length && (value.charCodeAt(index) & (0x80 >> (offset % 8))) !== 0 ? 1 : 0;
}

const onesInByte = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/** An inclusive range of bits, clamped to the value; undefined where it is empty. */
interface BitRange { readonly first: number; readonly last: number }

/** `start end [BYTE|BIT]` as a range of bits, negative numbers counting from the end. */
function bitRange(value: ByteString, args: readonly ByteString[]): BitRange | undefined {
  if (args.length > 3) throw syntaxError();
  const start = numberArgument(args[0] ?? '0');
  const end = args[1] === undefined ? -1 : numberArgument(args[1]);
  const unit = bitsPerUnit(args[2]);
  const total = value.length * (8 / unit);
  const first = start < 0 ? Math.max(0, total + start) : start;
  const last = Math.min(end < 0 ? Math.max(0, total + end) : end, total - 1);
  if (first > last) return undefined;
  return { first: first * unit, last: last * unit + unit - 1 };
}

function bitsPerUnit(word: ByteString | undefined): 1 | 8 {
  if (isOption(word, 'BIT')) return 1;
  if (word === undefined || isOption(word, 'BYTE')) return 8;
  throw syntaxError();
}

function countOnes(value: ByteString, { first, last }: BitRange): number {
  let ones = 0;
  let bit = first;
  for (; bit <= last && bit % 8 !== 0; bit++) ones += bitAt(value, bit);
  for (; bit + 7 <= last; bit += 8) ones += onesInByte[value.charCodeAt(bit / 8)] ?? 0;
  for (; bit <= last; bit++) ones += bitAt(value, bit);
  return ones;
}

const bitcount: Run = (context, [key = '', ...range]) => {
  const value = readString(context, key);
  if (value === undefined) return 0;
  if (range.length === 1 || range.length > 3) throw syntaxError();
  const [start, end] = range.slice(0, 2).map((bound) => numberArgument(bound));
  // BITPOS clamps such a range to the first unit instead. Redis answers before it looks at the unit.
  if (start !== undefined && end !== undefined && start < 0 && end < 0 && start > end) return 0;
  const bits = bitRange(value, range);
  return bits === undefined ? 0 : countOnes(value, bits);
};

const bitpos: Run = (context, [key = '', bitText = '', ...range]) => {
  const bit = numberArgument(bitText);
  if (bit !== 0 && bit !== 1) throw new CommandError('ERR The bit argument must be 1 or 0.');
  const value = readString(context, key);
  if (value === undefined) return bit === 1 ? -1 : 0;
  if (range.length === 3) {
    // Of several faults in its range BITPOS names the unit's before the end's, BITCOUNT the end's before the unit's.
    numberArgument(range[0] ?? '');
    bitsPerUnit(range[2]);
  }
  const bits = bitRange(value, range);
  if (bits === undefined) return -1;
  const found = firstBit(value, bit, bits);
  // Without an explicit end, a string of ones is taken to be followed by zeros.
  return found === -1 && bit === 0 && range.length < 2 ? value.length * 8 : found;
};

function firstBit(value: ByteString, bit: number, { first, last }: BitRange): number {
  const skip = bit === 1 ? 0 : 0xff;
  for (let at = first; at <= last;) {
    if (at % 8 === 0 && value.charCodeAt(at / 8) === skip) {
      at += 8;
    } else {
      if (bitAt(value, at) === bit) return at;
      at++;
    }
  }
  return -1;
}

const operators: ReadonlyMap<string, (a: number, b: number) => number> = new Map([
  ['AND', (a: number, b: number) => a & b],
  ['OR', (a: number, b: number) => a | b],
  ['XOR', (a: number, b: number) => a ^ b],
  ['NOT', (a: number) => ~a & 0xff],
]);

const bitop: Run = (context, [name = '', destination = '', ...sources]) => {
  const operator = operators.get(name.toUpperCase());
  if (operator === undefined) throw syntaxError();
  const isNot = name.toUpperCase() === 'NOT';
  if (isNot && sources.length !== 1) throw new CommandError('ERR BITOP NOT must be called with a single source key.');
  const values = sources.map((source) => readString(context, source) ?? '');
  const length = values.reduce((longest, value) => Math.max(longest, value.length), 0);
  if (length === 0) {
    context.db.delete(destination);
    return 0;
  }
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    let byte = byteAt(values[0] ?? '', i);
    if (isNot) byte = operator(byte, 0);
    for (let k = 1; k < values.length; k++) byte = operator(byte, byteAt(values[k] ?? '', i));
    bytes[i] = byte;
  }
  assignString(context.db, destination, bytes.toString('latin1'));
  return length;
};

function byteAt(value: ByteString, index: number): number {
  return index < value.length ? value.charCodeAt(index) : 0;
}

/** SETBIT and its kin: strings as arrays of bits. */
export const bitCommands: readonly CommandSpec[] = [
  { name: 'setbit', arity: 4, flags: ['write', 'denyoom'], keys: [1, 1, 1], run: setbit },
  { name: 'getbit', arity: 3, flags: ['readonly', 'fast'], keys: [1, 1, 1], run: getbit },
  { name: 'bitcount', arity: -2, flags: ['readonly'], keys: [1, 1, 1], run: bitcount },
  { name: 'bitpos', arity: -3, flags: ['readonly'], keys: [1, 1, 1], run: bitpos },
  { name: 'bitop', arity: -4, flags: ['write', 'denyoom'], keys: [2, -1, 1], run: bitop },
  { name: 'bitfield', arity: -2, flags: ['write', 'denyoom'], keys: [1, 1, 1], run: bitfield },
  { name: 'bitfield_ro', arity: -2, flags: ['readonly', 'fast'], keys: [1, 1, 1], run: bitfieldRo },
];
