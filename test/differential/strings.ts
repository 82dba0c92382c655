import * as fc from 'fast-check';
import { bytes, command, float, integer, key, maybe, several, word } from './values.ts';

/** Times far enough in the future that no key expires while a sequence runs. */
export const farSeconds: fc.Arbitrary<string> = fc.constantFrom('1000', '5000', '100000');
const farMs: fc.Arbitrary<string> = fc.constantFrom('1000000', '5000499', '100000500');
/** Unix times far in the future, the same whenever a sequence runs. */
export const farUnixSeconds: fc.Arbitrary<string> = fc.constantFrom('4102444800', '4102455555');
/** Times that are refused, or past. */
export const oddTime: fc.Arbitrary<string> = fc.constantFrom('0', '-1', 'x', '', '9223372036854775807', '-9223372036854775808', '9223372036854775', '1.5');

const expiryOption = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(word('EX'), farSeconds) },
  { weight: 3, arbitrary: fc.tuple(word('PX'), farMs) },
  { weight: 2, arbitrary: fc.tuple(word('EXAT'), farUnixSeconds) },
  { weight: 2, arbitrary: fc.tuple(word('PXAT'), farUnixSeconds.map((seconds) => `${seconds}499`)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('EX', 'PX', 'EXAT', 'PXAT'), oddTime) },
  { weight: 1, arbitrary: fc.constantFrom(['EX'], ['KEEPTTL'], ['PERSIST'], ['foo']) },
);
const setOptions = fc.array(fc.oneof(expiryOption, fc.constantFrom(['NX'], ['XX'], ['GET'], ['KEEPTTL'])), { maxLength: 3 }).map((options) => options.flat());

/** Commands on plain strings. */
export const stringCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 4, arbitrary: command('SET', key, bytes, setOptions) },
  { weight: 2, arbitrary: command('SET', key, bytes) },
  { weight: 2, arbitrary: command('GET', key) },
  command('SETNX', key, bytes), command('GETSET', key, bytes), command('GETDEL', key), command('STRLEN', key),
  command('SETEX', key, fc.oneof(farSeconds, oddTime), bytes), command('PSETEX', key, fc.oneof(farMs, oddTime), bytes),
  command('GETEX', key, maybe(fc.array(expiryOption, { maxLength: 2 }).map((options) => options.flat()))),
  command('MSET', several(fc.oneof(key, bytes), 1, 6)), command('MSETNX', several(key, 2, 4)), command('MGET', several(key)),
  command('APPEND', key, bytes), command('INCR', key), command('DECR', key), command('INCRBY', key, integer), command('DECRBY', key, integer),
  { weight: 2, arbitrary: command('INCRBYFLOAT', key, float) },
  command('GETRANGE', key, integer, integer), command('SUBSTR', key, integer, integer), command('SETRANGE', key, integer, bytes),
  { weight: 3, arbitrary: command('SET', key, fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 3, maxLength: 9 }).map((letters) => letters.join(''))) },
  command('LCS', key, key, fc.array(fc.oneof(word('LEN').map((text) => [text]), fc.constantFrom(['IDX'], ['WITHMATCHLEN'], ['MINMATCHLEN', '2'], ['x'])), { maxLength: 3 }).map((options) => options.flat())),
);
