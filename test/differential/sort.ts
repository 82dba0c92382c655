import * as fc from 'fast-check';
import { keyOfSets } from './comparison.ts';
import { bytes, command, integer, key as anyKey, several, word } from './values.ts';

/**
 * Redis tests errno after strtod without having cleared it, so a number out of range makes later SORTs fail that have none. Hence this
 * group stands alone, and has no such number.
 */
const value = bytes.filter((text) => text !== '1e400');

const key = anyKey.filter((name) => name !== keyOfSets);
const sortOptions = fc.array(fc.oneof(
  fc.constantFrom(['ALPHA'], ['ALPHA'], ['DESC'], ['ASC'], ['foo'], ['BY', 'nosort'], ['BY', '*'], ['BY', 'key:*'], ['BY', 'h*->f'], ['GET', '#'], ['GET', '*'], ['GET', 'nostar'], ['GET', 'b*->f'], ['GET', '*->']),
  fc.tuple(word('LIMIT'), integer, integer), fc.tuple(word('STORE'), key),
), { maxLength: 4 }).map((options) => options.flat())
  // Items that BY gives the same text, or none, come in an order that nothing specifies.
  .filter((options) => !(options.includes('ALPHA') && options.some((option, index) => option === 'BY' && options[index + 1]?.includes('*'))));

/** A limit on what is in no order would choose items that nothing specifies. */
const setOptions = sortOptions.filter((options) => !options.some((option, index) => option.toUpperCase() === 'LIMIT' || (option === 'BY' && options[index + 1]?.includes('*') === false && options.length > 2)));

/** SORT, after something to sort: lists and sets of numbers and of anything, keys that BY and GET look up. */
export const sortCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 3, arbitrary: command('RPUSH', key, several(fc.constantFrom('3', '1', '2', '1.0', '01', '-1', '10'), 2, 5)) }, command('RPUSH', key, several(value)),
  { weight: 2, arbitrary: command('SADD', keyOfSets, several(fc.integer({ min: -5, max: 20 }).map(String), 1, 4)) }, command('SADD', keyOfSets, several(value)),
  command('ZADD', key, '1', value, '2', value), command('ZADD', key, '3', '1', '1', '2', '2', '3'),
  command('SET', fc.constantFrom('1', '2', '3', 'key:1', 'key:2', 'key:3'), value), command('HSET', fc.constantFrom('h1', 'h2', 'b1', 'b2'), 'f', value), command('SET', key, value),
  { weight: 10, arbitrary: command('SORT', key, sortOptions) }, { weight: 5, arbitrary: command('SORT', keyOfSets, setOptions) }, { weight: 2, arbitrary: command('SORT_RO', key, sortOptions) },
  { weight: 2, arbitrary: command('DEL', several(anyKey)) }, command('EXPIRE', key, '1000'), command('LRANGE', key, '0', '-1'),
);
