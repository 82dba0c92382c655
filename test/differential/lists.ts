import * as fc from 'fast-check';
import { bytes, command, integer, key, maybe, several, word } from './values.ts';

const item = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c', '', '1') }, { weight: 1, arbitrary: bytes });
const end = fc.oneof({ weight: 12, arbitrary: fc.constantFrom('LEFT', 'RIGHT', 'left', 'Right') }, { weight: 1, arbitrary: fc.constantFrom('x', '') });

/** A wait that is over before anyone notices; sometimes no time at all. */
export const timeout: fc.Arbitrary<string> = fc.oneof({ weight: 8, arbitrary: fc.constantFrom('0.001', '0.002') }, { weight: 1, arbitrary: fc.constantFrom('-1', 'x', '', '1e300', 'nan', 'inf', '-0.1') });

/** `numkeys key …`, sometimes with another number. */
export const countedKeys: fc.Arbitrary<readonly string[]> = several(key, 1, 3)
  .chain((keys) => fc.oneof({ weight: 10, arbitrary: fc.constant([String(keys.length), ...keys]) }, { weight: 1, arbitrary: fc.constantFrom('0', '-1', 'x', '9', '2').map((count) => [count, ...keys]) }));

/** The COUNT of LMPOP and ZMPOP. */
export const popCount: fc.Arbitrary<readonly string[]> = maybe(fc.oneof(
  { weight: 4, arbitrary: fc.tuple(word('COUNT'), fc.constantFrom('1', '2', '10')) }, { weight: 1, arbitrary: fc.constantFrom(['COUNT', '0'], ['COUNT', 'x'], ['COUNT'], ['COUNT', '1', 'COUNT', '1'], ['foo', '1']) },
));

const positionOptions = fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom('RANK', 'COUNT', 'MAXLEN', 'rank') }, { weight: 1, arbitrary: fc.constant('x') }), fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -3, max: 4 }).map(String) }, { weight: 1, arbitrary: integer }))
  .filter(([name, value]) => name.toUpperCase() !== 'RANK' || value !== '-9223372036854775808'), { maxLength: 3 }).map((options): readonly string[] => options.flat());

/** A random list command. */
export const listsCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 4, arbitrary: command('RPUSH', key, several(item, 1, 5)) }, { weight: 2, arbitrary: command('LPUSH', key, several(item, 1, 4)) },
  command('LPUSHX', key, several(item)), command('RPUSHX', key, several(item)),
  command('LPOP', key, maybe(several(integer, 1, 2))), command('RPOP', key, maybe(several(integer, 1, 2))),
  command('LLEN', key), { weight: 2, arbitrary: command('LRANGE', key, integer, integer) }, command('LINDEX', key, integer), command('LSET', key, integer, item),
  command('LINSERT', key, fc.constantFrom('BEFORE', 'AFTER', 'after', 'x'), item, item), command('LREM', key, integer, item), command('LTRIM', key, integer, integer),
  { weight: 2, arbitrary: command('LPOS', key, item, positionOptions) },
  command('LMOVE', key, key, end, end), command('RPOPLPUSH', key, key), command('LMPOP', countedKeys, end, popCount),
  command('BLPOP', several(key), timeout), command('BRPOP', several(key), timeout), command('BLMOVE', key, key, end, end, timeout),
  command('BRPOPLPUSH', key, key, timeout), command('BLMPOP', timeout, countedKeys, end, popCount),
);
