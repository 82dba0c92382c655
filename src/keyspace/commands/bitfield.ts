/** BITFIELD: integers of any width at any bit offset of a string, with a choice of what overflow does. */
import type { ByteString } from '../../lib/bytes.ts';
import type { CommandContext } from '../command.ts';
import { int64Argument, integerReply } from '../integers.ts';
import { CommandError, syntaxError, type Reply } from '../reply.ts';
import { isOption } from './arguments.ts';
import { bitOffsetArgument } from './bit-offset.ts';
import { changeString, readString } from './strings.ts';

interface FieldType { readonly signed: boolean; readonly bits: number }
type Overflow = 'WRAP' | 'SAT' | 'FAIL';
interface Operation {
  readonly kind: 'GET' | 'SET' | 'INCRBY';
  readonly type: FieldType;
  readonly offset: number;
  readonly operand: bigint;
  readonly overflow: Overflow;
}

/** `BITFIELD key [GET type offset] [SET type offset value] [INCRBY type offset increment] [OVERFLOW WRAP|SAT|FAIL] …` */
export function bitfield(context: CommandContext, [key = '', ...rest]: readonly ByteString[]): Reply {
  const operations = operationsOf(rest);
  let value = readString(context, key) ?? '';
  const writes = operations.filter((operation) => operation.kind !== 'GET');
  // Redis makes room for every write first, even for one that then fails on overflow.
  const room = writes.reduce((most, { offset, type }) => Math.max(most, Math.ceil((offset + type.bits) / 8)), 0);
  if (value.length < room) value = value.padEnd(room, '\0');
  const replies = operations.map((operation): Reply => {
    const old = readField(value, operation);
    if (operation.kind === 'GET') return integerReply(old);
    const next = fitted(operation.kind === 'SET' ? operation.operand : old + operation.operand, operation);
    if (next === undefined) return null;
    value = writeField(value, operation, next);
    return integerReply(operation.kind === 'SET' ? old : next);
  });
  if (writes.length > 0) changeString(context, key, value);
  return replies;
}

/** BITFIELD with GET alone. */
export function bitfieldRo(context: CommandContext, [key = '', ...rest]: readonly ByteString[]): Reply {
  const operations = operationsOf(rest);
  if (operations.some((operation) => operation.kind !== 'GET')) throw new CommandError('ERR BITFIELD_RO only supports the GET subcommand');
  const value = readString(context, key) ?? '';
  return operations.map((operation) => integerReply(readField(value, operation)));
}

function operationsOf(args: readonly ByteString[]): Operation[] {
  const operations: Operation[] = [];
  let overflow: Overflow = 'WRAP';
  for (let i = 0; i < args.length;) {
    if (isOption(args[i], 'OVERFLOW') && i + 1 < args.length) {
      overflow = overflowOf(args[i + 1] ?? '');
      i += 2;
      continue;
    }
    const kind = (['GET', 'SET', 'INCRBY'] as const).find((name) => isOption(args[i], name));
    const size = kind === 'GET' ? 3 : 4;
    if (kind === undefined || i + size > args.length) throw syntaxError();
    const type = fieldType(args[i + 1] ?? '');
    const offset = bitOffsetArgument(args[i + 2] ?? '', type.bits);
    const operand = kind === 'GET' ? 0n : int64Argument(args[i + 3] ?? '');
    operations.push({ kind, type, offset, operand, overflow });
    i += size;
  }
  return operations;
}

function overflowOf(text: ByteString): Overflow {
  const word = text.toUpperCase();
  if (word === 'WRAP' || word === 'SAT' || word === 'FAIL') return word;
  throw new CommandError('ERR Invalid OVERFLOW type specified');
}

function fieldType(text: ByteString): FieldType {
  const match = /^([iu])([1-9]\d?)$/.exec(text);
  const bits = Number(match?.[2] ?? 0);
  const signed = match?.[1] === 'i';
  if (match === null || bits > (signed ? 64 : 63)) {
    throw new CommandError('ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.');
  }
  return { signed, bits };
}

function readField(value: ByteString, { type, offset }: Operation): bigint {
  let raw = 0n;
  for (let byte = Math.floor(offset / 8); byte <= Math.floor((offset + type.bits - 1) / 8); byte++) {
    raw = (raw << 8n) | BigInt(byte < value.length ? value.charCodeAt(byte) : 0);
  }
  raw >>= BigInt(unusedLowBits(type, offset));
  return type.signed ? BigInt.asIntN(type.bits, raw) : BigInt.asUintN(type.bits, raw);
}

function writeField(value: ByteString, { type, offset }: Operation, field: bigint): ByteString {
  const first = Math.floor(offset / 8);
  const last = Math.floor((offset + type.bits - 1) / 8);
  const shift = BigInt(unusedLowBits(type, offset));
  const mask = ((1n << BigInt(type.bits)) - 1n) << shift;
  let around = 0n;
  for (let byte = first; byte <= last; byte++) around = (around << 8n) | BigInt(value.charCodeAt(byte));
  let merged = (around & ~mask) | (BigInt.asUintN(type.bits, field) << shift);
  let bytes = '';
  for (let byte = last; byte >= first; byte--, merged >>= 8n) bytes = String.fromCharCode(Number(merged & 0xffn)) + bytes;
  return value.slice(0, first) + bytes + value.slice(last + 1);
}

/** Bits of the field's last byte that belong to what follows it. */
function unusedLowBits(type: FieldType, offset: number): number {
  return (8 - ((offset + type.bits) % 8)) % 8;
}

/** The value as the field can hold it, by the overflow rule; undefined: FAIL. */
function fitted(value: bigint, { type, overflow, kind }: Operation): bigint | undefined {
  const least = type.signed ? -(1n << BigInt(type.bits - 1)) : 0n;
  const greatest = (1n << BigInt(type.signed ? type.bits - 1 : type.bits)) - 1n;
  // SET takes its operand as an unsigned 64-bit number where the field is unsigned, so a negative one is too large, not too small.
  const seen = kind === 'SET' && !type.signed ? BigInt.asUintN(64, value) : value;
  if (seen >= least && seen <= greatest) return seen;
  if (overflow === 'FAIL') return undefined;
  // Redis takes the distance to the greatest value in 64 bits: for the very lowest operands of SET it wraps, and they saturate upwards.
  const isAbove = seen > greatest || (kind === 'SET' && type.signed && type.bits < 64 && BigInt.asIntN(64, greatest - seen) < 0n);
  if (overflow === 'SAT') return isAbove ? greatest : least;
  return type.signed ? BigInt.asIntN(type.bits, seen) : BigInt.asUintN(type.bits, seen);
}
