import * as fc from 'fast-check';
import { farSeconds, farUnixSeconds, oddTime } from './strings.ts';
import { bytes, command, key, maybe, oneOf, several, word } from './values.ts';

const index = fc.oneof({ weight: 6, arbitrary: fc.constantFrom('0', '1') }, { weight: 1, arbitrary: fc.constantFrom('16', '-1', 'x', '') });
const expireOptions = fc.array(fc.oneof({ weight: 6, arbitrary: fc.constantFrom('NX', 'XX', 'GT', 'LT', 'gt') }, { weight: 1, arbitrary: fc.constant('foo') }), { maxLength: 2 });
const pattern = fc.constantFrom('*', 'a', '?', '[a-c]', '[^a]', 'key:*', '\\a', '[^a-b', '**', 'k*:1', '', '[c-a]', '\u0000*');
const scanOptions = fc.array(fc.oneof(
  fc.tuple(word('MATCH'), pattern), fc.tuple(word('COUNT'), fc.constantFrom('100', '1000')), fc.tuple(word('TYPE'), fc.constantFrom('string', 'list', 'HASH', 'set', 'x')),
  fc.constantFrom(['COUNT', '0'], ['COUNT', 'x'], ['MATCH'], ['foo', 'bar']),
), { maxLength: 2 }).map((options) => options.flat());
/** Commands on elements of any type, after something that makes some. */
export const genericCommand: fc.Arbitrary<string[]> = fc.oneof(
  { weight: 2, arbitrary: command('SET', key, bytes) }, command('SET', key, bytes, 'PXAT', fc.constantFrom('4102444800000', '4102455555000')), command('RPUSH', key, several(bytes)), command('SADD', key, several(bytes)), command('HSET', key, 'f', bytes),
  command('ZADD', key, '1', bytes, '2', bytes), command('RPUSH', key, several(fc.constantFrom('3', '1', '2', '1.0', '01', '-1'), 2, 5)),
  command('DEL', several(key)), command('UNLINK', several(key)), command('EXISTS', several(key)), command('TOUCH', several(key)), command('TYPE', key),
  command('EXPIRE', key, fc.oneof(farSeconds, oddTime), expireOptions), command('PEXPIRE', key, fc.oneof(farSeconds.map((s) => `${s}000`), oddTime), expireOptions),
  command('EXPIREAT', key, fc.oneof(farUnixSeconds, oddTime), expireOptions), command('PEXPIREAT', key, fc.oneof(farUnixSeconds.map((s) => `${s}000`), oddTime), expireOptions),
  command('TTL', key), command('PTTL', key), command('EXPIRETIME', key), command('PEXPIRETIME', key), command('PERSIST', key),
  command('RENAME', key, key), command('RENAMENX', key, key), command('COPY', key, key, maybe(fc.oneof(fc.constant(['REPLACE']), fc.tuple(word('DB'), index), fc.constant(['x'])))),
  command('MOVE', key, index), command('SWAPDB', index, index), command('SELECT', fc.oneof({ weight: 3, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: index })),
  command('KEYS', pattern), command('SCAN', fc.constantFrom('0', '0', '0', 'x'), scanOptions), command('RANDOMKEY'), command('DBSIZE'),
  command('FLUSHDB', maybe(fc.constantFrom(['ASYNC'], ['SYNC'], ['x'], ['ASYNC', 'SYNC']))),
  command('OBJECT', fc.constantFrom('FREQ', 'foo', 'freq'), key), command('WAIT', '0', '0'), command('ECHO', bytes), command('PING', several(bytes, 0, 2)),
  oneOf(['GET'], ['foo', 'bar', 'baz'], ['SET', 'a'], ['OBJECT'], ['CONFIG', 'GET'], ['CLIENT', 'GETNAME', 'x'], ['CONFIG', 'foo'], ['', 'x'], ['GE\u0000T', 'x\u0000y'], ['x\r\ny', 'z'.repeat(200), 'y'], ['PING', 'a', 'b'],
    ['CONFIG', 'GET', 'maxmemory*'], ['READONLY'], ['COMMAND', 'GETKEYS', 'GET'], ['COMMAND', 'GETKEYS', 'PING'], ['COMMAND', 'GETKEYS', 'SORT', 'a', 'BY', 'x_*', 'STORE', 'b'], ['COMMAND', 'GETKEYS', 'foo'], ['PUBLISH', 'x', 'y'], ['PUBSUB', 'NUMPAT'], ['ROLE'],
    ['CLIENT', 'SETNAME', 'a b'], ['CLIENT', 'SETNAME', 'n'], ['CLIENT', 'GETNAME'], ['AUTH', 'a', 'b', 'c'], ['HELLO', '4'], ['HELLO', 'x'], ['HELLO', '2', 'foo'], ['MEMORY', 'USAGE', 'nokey'],
    ['DISCARD'], ['EXEC'], ['UNWATCH'], ['CLIENT', 'REPLY', 'x'], ['CLIENT', 'UNBLOCK', '0', 'x'], ['CLIENT', 'NO-EVICT', 'x']),
);
