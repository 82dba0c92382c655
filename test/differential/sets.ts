import * as fc from 'fast-check';
import { cursor, scanOptions } from './hashes.ts';
import { countedKeys } from './lists.ts';
import { bytes, command, integer, key, maybe, several, word } from './values.ts';

const member = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 12 }).map(String) }, { weight: 2, arbitrary: fc.constantFrom('a', 'b', '') }, { weight: 1, arbitrary: bytes },
);
const limit = maybe(fc.oneof({ weight: 3, arbitrary: fc.tuple(word('LIMIT'), integer) }, { weight: 1, arbitrary: fc.constantFrom(['LIMIT'], ['x', '1'], ['LIMIT', '2', 'LIMIT', '1']) }));

/** A random set command. */
export const setsCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 6, arbitrary: command('SADD', key, several(member, 1, 6)) }, command('SREM', key, several(member)), command('SMEMBERS', key),
  command('SISMEMBER', key, member), command('SMISMEMBER', key, several(member)), command('SCARD', key),
  command('SPOP', key), command('SPOP', key, several(integer, 1, 2)), command('SRANDMEMBER', key), command('SRANDMEMBER', key, several(integer, 1, 2)),
  command('SMOVE', key, key, member), command('SINTER', several(key)), command('SUNION', several(key)), command('SDIFF', several(key)),
  command('SINTERSTORE', key, several(key)), command('SUNIONSTORE', key, several(key)), command('SDIFFSTORE', key, several(key)),
  command('SINTERCARD', countedKeys, limit), command('SSCAN', key, cursor, 'COUNT', '1000', scanOptions),
);
