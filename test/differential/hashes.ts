import * as fc from 'fast-check';
import { bytes, command, float, integer, key, maybe, several, word } from './values.ts';

const field = fc.constantFrom('f', 'g', '', '1', 'h\u0000\u00ff', 'long'.repeat(20));
const value = fc.oneof({ weight: 3, arbitrary: bytes }, { weight: 1, arbitrary: float });
const pair = fc.tuple(field, value);
const pairs = fc.array(fc.oneof({ weight: 12, arbitrary: pair }, { weight: 1, arbitrary: fc.tuple(field) }), { minLength: 1, maxLength: 3 }).map((all): readonly string[] => all.flat());
const withValues = maybe(fc.constantFrom(['WITHVALUES'], ['withvalues'], ['x'], ['WITHVALUES', 'x']));

/** Options of HSCAN, SSCAN and ZSCAN. */
export const scanOptions: fc.Arbitrary<readonly string[]> = fc.array(fc.oneof(
  fc.tuple(word('MATCH'), fc.constantFrom('*', 'f*', '?', '[0-9]*', '', '\u0000*')), fc.tuple(word('COUNT'), fc.constantFrom('100', '1000')),
  fc.constantFrom(['COUNT', '0'], ['COUNT', 'x'], ['MATCH'], ['foo', 'bar'], ['TYPE', 'hash']),
), { maxLength: 2 }).map((options) => options.flat());

/** Mostly 0: in a collection of this size every scan is one page. */
export const cursor: fc.Arbitrary<string> = fc.oneof({ weight: 8, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: fc.constantFrom('x', '', '99999999999999999999', ' 1', '0x1') });

/** A random hash command. */
export const hashesCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 5, arbitrary: command('HSET', key, pairs) }, command('HMSET', key, pairs), command('HSETNX', key, field, value),
  command('HGET', key, field), command('HMGET', key, several(field)), command('HGETALL', key), command('HDEL', key, several(field)),
  command('HEXISTS', key, field), command('HLEN', key), command('HKEYS', key), command('HVALS', key), command('HSTRLEN', key, field),
  { weight: 2, arbitrary: command('HINCRBY', key, field, integer) }, { weight: 3, arbitrary: command('HINCRBYFLOAT', key, field, float) },
  command('HRANDFIELD', key), { weight: 2, arbitrary: command('HRANDFIELD', key, integer, withValues) }, command('HSCAN', key, cursor, scanOptions),
);
