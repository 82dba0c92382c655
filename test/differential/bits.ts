import * as fc from 'fast-check';
import { bytes, command, integer, key, maybe, several, word } from './values.ts';

const offset = fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 70 }).map(String) }, { weight: 1, arbitrary: fc.constantFrom('-1', 'x', '4294967296', '#1', '') });
const bit = fc.oneof({ weight: 9, arbitrary: fc.constantFrom('0', '1') }, { weight: 1, arbitrary: fc.constantFrom('2', 'x', '-1') });
const range = fc.oneof(
  fc.tuple(integer, integer), fc.tuple(integer, integer, fc.constantFrom('BYTE', 'BIT', 'bit', 'x')),
  fc.tuple(integer), fc.tuple(integer, integer, fc.constant('BIT'), fc.constant('x')),
);
const fieldType = fc.oneof(
  { weight: 9, arbitrary: fc.tuple(fc.constantFrom('i', 'u'), fc.integer({ min: 1, max: 63 })).map(([sign, bits]) => `${sign}${bits}`) },
  { weight: 1, arbitrary: fc.constantFrom('i64', 'u64', 'i65', 'u0', 'x8', 'i', '') },
);
const fieldOffset = fc.oneof({ weight: 4, arbitrary: offset }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 5 }).map((n) => `#${n}`) });
const operand = fc.oneof(fc.constantFrom('-9223372036854775808', '9223372036854775807', '100000', '-100000'), integer, bytes, fc.integer({ min: -1000, max: 1000 }).map(String));
const get = fc.tuple(word('GET'), fieldType, fieldOffset);
const fieldOperation = fc.oneof(
  get, fc.tuple(word('SET'), fieldType, fieldOffset, operand), fc.tuple(word('INCRBY'), fieldType, fieldOffset, operand),
  fc.tuple(word('OVERFLOW'), fc.constantFrom('WRAP', 'SAT', 'FAIL', 'fail', 'x')), fc.constantFrom(['GET'], ['SET', 'u8', '0'], ['foo']),
);
const operations = (one: fc.Arbitrary<readonly string[]>): fc.Arbitrary<string[]> => fc.array(one, { maxLength: 4 }).map((all) => all.flat());

/** Commands on strings as arrays of bits. */
export const bitCommand: fc.Arbitrary<string[]> = fc.oneof(
  command('SET', key, bytes), command('SET', key, fc.constantFrom('\u00ff', '\u00ff\u00ff\u00ff', '\u0000\u0000', '\u00ff\u00f0\u0000')), { weight: 3, arbitrary: command('SETBIT', key, offset, bit) },
  command('GETBIT', key, offset), command('BITCOUNT', key, maybe(range)), { weight: 2, arbitrary: command('BITPOS', key, bit, maybe(range)) },
  { weight: 2, arbitrary: command('BITOP', fc.constantFrom('AND', 'OR', 'XOR', 'NOT', 'xor', 'x'), key, several(key)) },
  { weight: 4, arbitrary: command('BITFIELD', key, operations(fieldOperation)) },
  command('BITFIELD_RO', key, operations(fc.oneof({ weight: 5, arbitrary: get }, fieldOperation))),
  command('GET', key), command('DEL', key),
);
