/** Edge cases of the collection commands, each seen on redis-server 7.0.15; their common behaviour is compared with a real one in test/. */
import { describe, expect, it } from 'vitest';
import { manualKeyspace } from '../manual-keyspace.ts';
import { DoubleReply, ErrorReply, MapReply, NULL_ARRAY, SetReply } from '../reply.ts';

const error = (message: string): ErrorReply => new ErrorReply(message);
const ints = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, index) => to - index).join(' ');

describe('sets', () => {
  it('list integers in their order until there are more than 512, or one that is none', () => {
    const { run } = manualKeyspace();
    run(`SADD s ${ints(1, 512)}`);
    expect((run('SMEMBERS s') as SetReply).items.slice(0, 3)).toEqual(['1', '2', '3']);
    run('SADD s 513');
    run('SREM s 513');
    expect((run('SMEMBERS s') as SetReply).items[0]).toBe('512');
    run('SADD t 2 1 x');
    run('SREM t x');
    expect(run('SMEMBERS t')).toEqual(new SetReply(['2', '1']));
    expect(run('SUNION t')).toEqual(new SetReply(['1', '2']));
    run('SADD big 9223372036854775807 -9223372036854775808 0');
    expect(run('SMEMBERS big')).toEqual(new SetReply(['-9223372036854775808', '0', '9223372036854775807']));
  });

  it('give again what was recorded, as far as it is there', () => {
    const hint = (command: string, args: readonly string[], outcome: readonly string[]) => ({ command, args, database: 0, outcome });
    const { run } = manualKeyspace({ hints: [hint('SPOP', ['s'], ['c']), hint('SPOP', ['s'], ['gone']), hint('SMEMBERS', ['s'], ['z', 'b']), hint('HRANDFIELD', ['h', '2', 'WITHVALUES'], ['g', '2', 'f', '1'])] });
    run('SADD s a b c d');
    expect(run('SPOP s')).toBe('c');
    expect(run('SPOP s')).toBe('a');
    expect(run('SMEMBERS s')).toEqual(new SetReply(['b', 'd']));
    run('HSET h f 1 g 2 i 3');
    expect(run('HRANDFIELD h 2 WITHVALUES')).toEqual(['g', '2', 'f', '1']);
  });
});

describe('hashes', () => {
  it('keep to 64 bits', () => {
    const { run } = manualKeyspace();
    run('HSET h n 9223372036854775806 text x');
    expect(run('HINCRBY h n 1')).toBe(9223372036854775807n);
    expect(run('HINCRBY h n 1')).toEqual(error('ERR increment or decrement would overflow'));
    expect(run('HINCRBY h text 1')).toEqual(error('ERR hash value is not an integer'));
    expect(run('HINCRBYFLOAT h text 1')).toEqual(error('ERR hash value is not a float'));
    expect(run('HSET h f')).toEqual(error("ERR wrong number of arguments for 'hset' command"));
    expect(run('HSET h f 1 g')).toEqual(error("ERR wrong number of arguments for 'hset' command"));
    expect(run('HRANDFIELD h -9223372036854775808')).toEqual(error('ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807'));
  });
});

describe('waiting', () => {
  it('is served by the key that was pushed to, though another one stands before it', () => {
    const { run, another } = manualKeyspace();
    const waiting = another();
    expect(waiting.run('BLPOP q r 0')).toBe('waits');
    run('MULTI');
    run('RPUSH r 1');
    run('RPUSH q 2');
    run('EXEC');
    expect(waiting.late).toEqual([['r', '1']]);
    expect(run('LLEN q')).toBe(1);
  });

  it('ends with an error when the target of a move has another type, and the item stays', () => {
    const { run, another } = manualKeyspace();
    const waiting = another();
    waiting.run('BLMOVE q r LEFT LEFT 0');
    run('SET r x');
    run('RPUSH q a');
    expect(waiting.late).toEqual([error('WRONGTYPE Operation against a key holding the wrong kind of value')]);
    expect(run('LRANGE q 0 -1')).toEqual(['a']);
  });

  it('for a group reads what is new then, and ends when the group does', () => {
    const { run, another } = manualKeyspace();
    run('XGROUP CREATE s g 0 MKSTREAM');
    const [first, second] = [another(), another()];
    expect(first.run('XREADGROUP GROUP g ann BLOCK 0 STREAMS s >')).toBe('waits');
    expect(second.run('XREADGROUP GROUP g bob BLOCK 0 STREAMS s >')).toBe('waits');
    run('XADD s 1-1 f v');
    expect(first.late).toEqual([[['s', [['1-1', ['f', 'v']]]]]]);
    expect(second.late).toEqual([]);
    run('XGROUP DESTROY s g');
    expect(second.late).toEqual([error('NOGROUP the consumer group this client was blocked on no longer exists')]);
  });

  it('for a group ends when the stream is deleted or replaced', () => {
    for (const change of ['DEL s', 'SET s x', 'FLUSHALL']) {
      const { run, another } = manualKeyspace();
      run('XGROUP CREATE s g 0 MKSTREAM');
      const waiting = another();
      waiting.run('XREADGROUP GROUP g ann BLOCK 0 STREAMS s >');
      run(change);
      expect(waiting.late).toEqual([error('UNBLOCKED the stream key no longer exists')]);
    }
  });

  it('says when a timeout is none', () => {
    const { run } = manualKeyspace();
    expect(run('BLPOP q x')).toEqual(error('ERR timeout is not a float or out of range'));
    expect(run('BLPOP q 1e300')).toEqual(error('ERR timeout is negative'));
    expect(run('BLMPOP -1 1 q x')).toEqual(error('ERR syntax error'));
  });
});

describe('RESP3', () => {
  it('pairs names with their values', () => {
    const { run, session } = manualKeyspace();
    session.protocol = 3;
    run('ZADD z 1 a inf b');
    run('HSET h f 1');
    run('XADD s 1-1 f v');
    expect(run('ZRANGE z 0 -1 WITHSCORES')).toEqual([['a', new DoubleReply(1)], ['b', new DoubleReply(Infinity)]]);
    expect(run('ZPOPMIN z')).toEqual(['a', new DoubleReply(1)]);
    expect(run('ZPOPMIN z 1')).toEqual([['b', new DoubleReply(Infinity)]]);
    expect(run('HRANDFIELD h 5 WITHVALUES')).toEqual([['f', '1']]);
    expect(run('XREAD STREAMS s 0')).toEqual(new MapReply(['s', [['1-1', ['f', 'v']]]]));
    expect(run('XREAD STREAMS s 5')).toEqual(NULL_ARRAY);
  });
});

describe('sorted sets', () => {
  it('stay quick when large: a change moves one member', () => {
    const { run } = manualKeyspace();
    for (let batch = 0; batch < 10; batch++) run(`ZADD z ${Array.from({ length: 1000 }, (_, index) => `${(index * 7919 + batch) % 10_000} m${batch}:${index}`).join(' ')}`);
    run('ZRANGE z 0 0');
    const started = process.hrtime.bigint();
    for (let index = 0; index < 1000; index++) {
      run(`ZADD z ${index} n${index}`);
      run(`ZRANK z n${index}`);
    }
    // Sorting 10,000 members for each would take some 5 seconds.
    expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(2500);
  });

  it('add scores from the smallest set up, as the last digits show', () => {
    const { run } = manualKeyspace();
    run('ZADD a 0.1 x 1 p 1 q');
    run('ZADD b 0.2 x 1 p');
    run('ZADD c 0.3 x');
    expect(run('ZUNION 3 a b c WITHSCORES')).toContainEqual(new DoubleReply(0.3 + 0.2 + 0.1));
  });
});

describe('streams', () => {
  it('take ids from the clock of the case, never going back', () => {
    const { run, advance } = manualKeyspace();
    expect([run('XADD s * f v'), run('XADD s * f v')]).toEqual(['1700000000000-0', '1700000000000-1']);
    advance(5);
    expect(run('XADD s * f v')).toBe('1700000000005-0');
    run('XADD s 1800000000000-18446744073709551615 f v');
    expect(run('XADD s * f v')).toBe('1800000000001-0');
    expect(run('XADD s 1800000000001-* f v')).toBe('1800000000001-1');
  });

  it('tell how long an entry is pending, and hand it over', () => {
    const { run, advance } = manualKeyspace();
    run('XADD s 1-1 f v');
    run('XADD s 2-1 f v');
    run('XGROUP CREATE s g 0');
    run('XREADGROUP GROUP g ann STREAMS s >');
    advance(40);
    expect(run('XPENDING s g - + 10')).toEqual([['1-1', 'ann', 40, 1], ['2-1', 'ann', 40, 1]]);
    expect(run('XCLAIM s g bob 41 1-1')).toEqual([]);
    run('XDEL s 2-1');
    expect(run('XAUTOCLAIM s g bob 40 0')).toEqual(['0-0', [['1-1', ['f', 'v']]], ['2-1']]);
    expect(run('XPENDING s g - + 10')).toEqual([['1-1', 'bob', 0, 2]]);
    expect(run('XINFO CONSUMERS s g')).toEqual([new MapReply(['name', 'ann', 'pending', 0, 'idle', 40]), new MapReply(['name', 'bob', 'pending', 1, 'idle', 0])]);
  });
});

describe('HyperLogLog', () => {
  it('has the bytes that Redis stores', () => {
    const { run } = manualKeyspace();
    const hex = (): string => Buffer.from(run('GET h') as string, 'latin1').toString('hex');
    run('PFADD h');
    expect(hex()).toBe('48594c4c0100000000000000000000807fff');
    run('PFADD h ');
    expect(hex().slice(32)).toBe('57318468cc');
    expect(run('PFCOUNT h')).toBe(1);
    expect(hex().slice(16, 32)).toBe('0100000000000000');
    run('SET s x');
    expect(run('PFCOUNT s')).toEqual(error('WRONGTYPE Key is not a valid HyperLogLog string value.'));
  });

  it('counts within its error', () => {
    const { run } = manualKeyspace();
    for (let batch = 0; batch < 10; batch++) run(`PFADD h ${Array.from({ length: 1000 }, (_, index) => `e${batch * 1000 + index}`).join(' ')}`);
    expect(run('PFCOUNT h')).toBeGreaterThan(9800);
    expect(run('PFCOUNT h')).toBeLessThan(10_200);
  });
});
