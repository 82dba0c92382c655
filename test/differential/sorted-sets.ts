import * as fc from 'fast-check';
import { cursor, scanOptions } from './hashes.ts';
import { countedKeys, popCount, timeout } from './lists.ts';
import { bytes, command, float, integer, key, maybe, several, word } from './values.ts';

const member = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('a', 'b', 'c', 'd', 'ab', '', '1') }, { weight: 1, arbitrary: bytes });
const score = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: -3, max: 5 }).map(String) }, { weight: 1, arbitrary: float });
const scored = (min: number, max: number): fc.Arbitrary<readonly string[]> => fc.array(fc.tuple(score, member), { minLength: min, maxLength: max }).map((pairs) => pairs.flat());
const addOptions = fc.array(fc.constantFrom('NX', 'XX', 'GT', 'LT', 'CH', 'ch', 'INCR', 'x'), { maxLength: 2 });

const scoreBound = fc.oneof({ weight: 5, arbitrary: score }, { weight: 2, arbitrary: score.map((one) => `(${one}`) }, { weight: 1, arbitrary: fc.constantFrom('-inf', '+inf', '(', '(inf', ' 1', '1 ', '((1', '1\u0000x', '') });
const lexBound = fc.oneof({ weight: 3, arbitrary: member.map((one) => `[${one}`) }, { weight: 3, arbitrary: member.map((one) => `(${one}`) }, { weight: 3, arbitrary: fc.constantFrom('-', '+') }, { weight: 1, arbitrary: fc.constantFrom('a', '', '-1', '+x') });
const limitOption = fc.tuple(word('LIMIT'), integer, integer);
const withScores = fc.constantFrom(['WITHSCORES'], ['withscores']);
const rangeOptions = (...more: readonly fc.Arbitrary<readonly string[]>[]): fc.Arbitrary<readonly string[]> => fc.array(fc.oneof(limitOption, withScores, ...more, fc.constantFrom(['LIMIT', '0'], ['x'])), { maxLength: 2 }).map((options) => options.flat());
const anyRange = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(integer, integer, rangeOptions(fc.constant(['REV']))) },
  { weight: 3, arbitrary: fc.tuple(scoreBound, scoreBound, fc.constant(['BYSCORE']), rangeOptions(fc.constant(['REV']))) },
  { weight: 3, arbitrary: fc.tuple(lexBound, lexBound, fc.constant(['BYLEX']), rangeOptions(fc.constant(['REV']))) },
  fc.tuple(scoreBound, lexBound, rangeOptions(fc.constantFrom(['REV'], ['BYLEX'], ['BYSCORE'], ['bylex']))),
).map((parts): readonly string[] => (parts as readonly (string | readonly string[])[]).flat());

const side = fc.oneof({ weight: 12, arbitrary: fc.constantFrom('MIN', 'MAX', 'min') }, { weight: 1, arbitrary: fc.constantFrom('x', '') });
const weight = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('1', '2', '-1.5', '0') }, { weight: 1, arbitrary: float });
const algebraOptions = (keyCount: number): fc.Arbitrary<readonly string[]> => fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant(['WEIGHTS']), several(weight, keyCount, keyCount)).map((parts) => parts.flat()) },
  { weight: 2, arbitrary: fc.tuple(word('AGGREGATE'), fc.constantFrom('SUM', 'MIN', 'MAX', 'max')) },
  { weight: 2, arbitrary: withScores },
  { weight: 1, arbitrary: fc.constantFrom(['WEIGHTS', '1'], ['WEIGHTS'], ['AGGREGATE', 'x'], ['AGGREGATE'], ['x']) },
), { maxLength: 2 }).map((options) => options.flat());
const algebra = several(key, 1, 3).chain((keys) => fc.oneof(
  { weight: 12, arbitrary: algebraOptions(keys.length).map((options): readonly string[] => [String(keys.length), ...keys, ...options]) },
  { weight: 1, arbitrary: fc.constantFrom('0', '-1', 'x', '9').map((count): readonly string[] => [count, ...keys]) },
));
const cardLimit = maybe(fc.oneof(fc.tuple(word('LIMIT'), integer), fc.constantFrom(['LIMIT'], ['x', '1'])));

const building: readonly fc.WeightedArbitrary<string[]>[] = [
  { weight: 10, arbitrary: command('ZADD', key, scored(1, 5)) }, { weight: 4, arbitrary: command('ZADD', key, addOptions, scored(1, 3)) },
  { weight: 3, arbitrary: command('ZADD', key, scored(1, 4).map((pairs) => pairs.map((text, index) => (index % 2 === 0 ? '0' : text)))) },
  { weight: 2, arbitrary: command('ZINCRBY', key, score, member) }, { weight: 1, arbitrary: command('SADD', key, several(member)) },
];

/** A random sorted set command. */
export const sortedSetsCommand: fc.Arbitrary<string[]> = fc.oneof(
  ...building,
  command('ZREM', key, several(member)), command('ZSCORE', key, member), command('ZMSCORE', key, several(member)), command('ZCARD', key),
  command('ZCOUNT', key, scoreBound, scoreBound), command('ZLEXCOUNT', key, lexBound, lexBound), command('ZRANK', key, member), command('ZREVRANK', key, member),
  { weight: 4, arbitrary: command('ZRANGE', key, anyRange) }, command('ZRANGESTORE', key, key, anyRange),
  command('ZRANGEBYSCORE', key, scoreBound, scoreBound, rangeOptions()), command('ZREVRANGEBYSCORE', key, scoreBound, scoreBound, rangeOptions()),
  command('ZRANGEBYLEX', key, lexBound, lexBound, rangeOptions()), command('ZREVRANGEBYLEX', key, lexBound, lexBound, rangeOptions()),
  command('ZREVRANGE', key, integer, integer, rangeOptions()),
  command('ZPOPMIN', key, several(integer, 0, 2)), command('ZPOPMAX', key, several(integer, 0, 1)), command('ZMPOP', countedKeys, side, popCount),
  command('BZPOPMIN', several(key), timeout), command('BZPOPMAX', several(key), timeout), command('BZMPOP', timeout, countedKeys, side, popCount),
  command('ZREMRANGEBYRANK', key, integer, integer), command('ZREMRANGEBYSCORE', key, scoreBound, scoreBound), command('ZREMRANGEBYLEX', key, lexBound, lexBound),
  { weight: 2, arbitrary: command('ZUNION', algebra) }, { weight: 2, arbitrary: command('ZINTER', algebra) }, command('ZDIFF', algebra),
  command('ZUNIONSTORE', key, algebra), command('ZINTERSTORE', key, algebra), command('ZDIFFSTORE', key, algebra), command('ZINTERCARD', countedKeys, cardLimit),
  command('ZRANDMEMBER', key), command('ZRANDMEMBER', key, integer, maybe(fc.constantFrom(['WITHSCORES'], ['x'], ['WITHSCORES', 'x']))), command('ZSCAN', key, cursor, scanOptions),
);
