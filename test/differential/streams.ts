import * as fc from 'fast-check';
import { bytes, command, integer, key, maybe, several, word } from './values.ts';

const plainId = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 3 })).map(([ms, sequence]) => `${ms}-${sequence}`);
const oddId = fc.constantFrom('3', '0', 'x', '', '-', '+', '$', '>', '5-*', '007-+1', '18446744073709551615', '18446744073709551615-18446744073709551615', '18446744073709551616-1', '1-x', ' 2-1', '*', '-1', '1-', '4-1\u0000x');
const id = fc.oneof({ weight: 12, arbitrary: plainId }, { weight: 1, arbitrary: oddId });
const newId = fc.oneof({ weight: 6, arbitrary: plainId }, { weight: 2, arbitrary: fc.integer({ min: 0, max: 9 }).map((ms) => `${ms}-*`) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 9 }).map(String) }, { weight: 1, arbitrary: oddId.filter((one) => one !== '*') });
const bound = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('-', '+') }, { weight: 4, arbitrary: id }, { weight: 2, arbitrary: id.map((one) => `(${one}`) });
const name = fc.constantFrom('g', 'h', 'g', '');
const consumer = fc.constantFrom('ann', 'bob', 'c\u0000');
const count = maybe(fc.oneof({ weight: 6, arbitrary: fc.tuple(word('COUNT'), fc.integer({ min: -1, max: 3 }).map(String)) }, { weight: 1, arbitrary: fc.constantFrom(['COUNT'], ['COUNT', 'x'], ['foo']) }));
const fields = fc.oneof({ weight: 12, arbitrary: fc.array(fc.tuple(fc.constantFrom('f', 'g', ''), bytes), { minLength: 1, maxLength: 3 }).map((pairs): readonly string[] => pairs.flat()) }, { weight: 1, arbitrary: several(bytes, 0, 3) });
const trim = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(word('MAXLEN'), fc.constantFrom([], ['='], ['~']), integer) }, { weight: 4, arbitrary: fc.tuple(word('MINID'), fc.constantFrom([], ['='], ['~']), id) },
  fc.tuple(fc.constant('MAXLEN'), fc.constant(['~']), integer, fc.constantFrom(['LIMIT', '0'], ['LIMIT', '1'], ['LIMIT', '-1'], ['LIMIT', 'x'], ['LIMIT'])),
  fc.constantFrom(['LIMIT', '1'], ['LIMIT', '0'], ['MAXLEN', '2', 'LIMIT', '1'], ['MAXLEN', '1', 'MINID', '1'], ['x']),
).map((parts): readonly string[] => (parts as readonly (string | readonly string[])[]).flat());
const addOptions = fc.oneof({ weight: 6, arbitrary: fc.constant([]) }, fc.constant(['NOMKSTREAM']), { weight: 2, arbitrary: trim });

// Waiting commands are only given streams whose wait ends in a millisecond.
const block = fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constantFrom(['BLOCK', '1'], ['block', '1'], ['BLOCK', '-1'], ['BLOCK', 'x'], ['BLOCK']) });
const streams = (oneId: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> => fc.array(fc.tuple(key, oneId), { minLength: 1, maxLength: 2 })
  .chain((pairs) => fc.oneof({ weight: 12, arbitrary: fc.constant(['STREAMS', ...pairs.map(([one]) => one), ...pairs.map(([, one]) => one)]) }, { weight: 1, arbitrary: fc.constantFrom(['STREAMS', ...pairs.flat(), 'x'], ['STREAMS'], []) }));
const readId = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('0', '0-0') }, { weight: 4, arbitrary: id }, { weight: 1, arbitrary: fc.constant('$') });
const groupId = fc.oneof({ weight: 8, arbitrary: fc.constant('>') }, { weight: 3, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: id });
const group = fc.oneof({ weight: 16, arbitrary: fc.tuple(word('GROUP'), name, consumer) }, { weight: 1, arbitrary: fc.constantFrom([], ['GROUP']) });
const noAck = fc.oneof({ weight: 5, arbitrary: fc.constant([]) }, fc.constant(['NOACK']));

const idle = fc.oneof({ weight: 9, arbitrary: fc.constantFrom('0', '-1', '3600000') }, { weight: 1, arbitrary: fc.constant('x') });
const claimOptions = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(['JUSTID'], ['FORCE'], ['RETRYCOUNT', '3'], ['RETRYCOUNT', '-1'], ['TIME', '1000'], ['LASTID', '3-1']) },
  { weight: 1, arbitrary: fc.constantFrom(['IDLE', 'x'], ['TIME', 'x'], ['RETRYCOUNT', 'x'], ['LASTID', 'x'], ['foo'], ['IDLE'], ['TIME', '-5']) },
), { maxLength: 2 }).map((options): readonly string[] => options.flat());
const autoClaimOptions = fc.array(fc.constantFrom(['JUSTID'], ['COUNT', '1'], ['COUNT', '2'], ['COUNT', '0'], ['COUNT', 'x'], ['x']), { maxLength: 2 }).map((options): readonly string[] => options.flat());
const createOptions = fc.array(fc.constantFrom(['MKSTREAM'], ['MKSTREAM'], ['ENTRIESREAD', '2'], ['ENTRIESREAD', '-1'], ['ENTRIESREAD', '-2'], ['ENTRIESREAD'], ['x']), { maxLength: 2 }).map((options): readonly string[] => options.flat());
const groupStart = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('0', '$') }, { weight: 2, arbitrary: id });
const setIdOptions = fc.array(fc.oneof(fc.tuple(fc.constant('ENTRIESADDED'), fc.constantFrom('0', '3', '20', '-1', 'x')), fc.tuple(fc.constant('MAXDELETEDID'), id), fc.constant(['x'])), { maxLength: 2 }).map((options): readonly string[] => options.flat());

/** A random stream command. Ids are given, for the clocks of two servers differ; idle times are not asked for. */
export const streamsCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 16, arbitrary: command('XADD', key, addOptions, newId, fields) }, command('XLEN', key),
  { weight: 2, arbitrary: command('XRANGE', key, bound, bound, count) }, { weight: 2, arbitrary: command('XREVRANGE', key, bound, bound, count) },
  { weight: 2, arbitrary: command('XDEL', key, several(id)) }, { weight: 2, arbitrary: command('XTRIM', key, trim) }, command('XSETID', key, id, setIdOptions),
  { weight: 2, arbitrary: command('XREAD', block, count, streams(readId)) }, { weight: 8, arbitrary: command('XREADGROUP', group, block, count, noAck, streams(groupId)) },
  { weight: 5, arbitrary: command('XGROUP', word('CREATE'), key, name, groupStart, createOptions) }, command('XGROUP', 'SETID', key, name, groupStart, createOptions),
  command('XGROUP', 'DESTROY', key, name), command('XGROUP', 'CREATECONSUMER', key, name, consumer), command('XGROUP', 'DELCONSUMER', key, name, consumer),
  { weight: 2, arbitrary: command('XACK', key, name, several(id)) }, { weight: 2, arbitrary: command('XPENDING', key, name) },
  command('XPENDING', key, name, fc.constantFrom([], ['IDLE', '3600000'], ['IDLE', 'x']), bound, bound, integer, maybe(several(consumer, 1, 2))).filter((args) => args.includes('3600000') || args.length < 6),
  { weight: 2, arbitrary: command('XCLAIM', key, name, consumer, idle, several(id), claimOptions) }, { weight: 2, arbitrary: command('XAUTOCLAIM', key, name, consumer, idle, bound, autoClaimOptions) },
  { weight: 2, arbitrary: command('XINFO', 'STREAM', key) }, { weight: 2, arbitrary: command('XINFO', 'GROUPS', key) },
  fc.constantFrom<string[][]>(['XINFO'], ['XINFO', 'HELP'], ['XGROUP', 'HELP'], ['XGROUP', 'x'], ['XINFO', 'STREAM'], ['XINFO', 'STREAM', 'a', 'x'], ['XINFO', 'STREAM', 'a', 'FULL', 'COUNT'], ['XGROUP', 'CREATE', 'a', 'g'], ['XINFO', 'CONSUMERS', 'a', 'nogroup']),
);
