import { describe, expect, it } from 'vitest';
import { manualKeyspace } from './manual-keyspace.ts';
import { ErrorReply, NULL_ARRAY, OK, PushReply, QUEUED } from './reply.ts';

const error = (message: string): ErrorReply => new ErrorReply(message);

describe('commands', () => {
  it('answers unknown commands and wrong arity as Redis 7.0 does', () => {
    const { run } = manualKeyspace();
    expect(run('foo a b')).toEqual(error("ERR unknown command 'foo', with args beginning with: 'a' 'b' "));
    expect(run('GET')).toEqual(error("ERR wrong number of arguments for 'get' command"));
    expect(run('CONFIG GET')).toEqual(error("ERR wrong number of arguments for 'config|get' command"));
    expect(run('CLIENT Nope')).toEqual(error("ERR unknown subcommand 'Nope'. Try CLIENT HELP."));
  });

  it('tells of commands it refuses or does not know, and of no others', () => {
    const told: string[] = [];
    const { run } = manualKeyspace({ onUnsupported: (name, args) => told.push(`${name}(${args.join(',')})`) });
    expect(run('EVAL return 0')).toEqual(error("ERR foreshard: EVAL is not served by the overlay (scripts and functions run only in a real server: laneStore: 'redis')"));
    run('json.get doc $');
    run('CLIENT TRACKING ON');
    expect(run('CLIENT MAINT_NOTIFICATIONS ON')).toEqual(error("ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."));
    run('GET');
    run('SET a x');
    run('INCR a');
    expect(told).toEqual(['EVAL(return,0)', 'JSON.GET(doc,$)', 'CLIENT TRACKING(TRACKING,ON)']);
  });

  it('lets no time pass while a command or a transaction runs', () => {
    let now = 1_700_000_000_000;
    const { run } = manualKeyspace({ now: () => now++ });
    for (const line of ['SET a 1 PX 3', 'MULTI', 'PTTL a', 'TIME', 'TIME', 'PTTL a']) run(line);
    const [first, ...rest] = run('EXEC') as unknown[];
    expect(rest).toEqual([expect.anything(), rest[0], first]);
  });

  it('answers a fault of its own with an error that cannot be taken for the store\'s', () => {
    const told: string[] = [];
    const { run } = manualKeyspace({
      onUnsupported: (name) => told.push(name),
      base: { get: () => { throw new TypeError('base is broken'); }, keys: () => [] },
    });
    expect(run('GET a')).toEqual(error('ERR foreshard: GET failed inside the overlay (base is broken)'));
    expect(told).toEqual(['GET']);
  });

  it('keeps databases apart', () => {
    const { run } = manualKeyspace();
    run('SET a 1');
    expect(run('SELECT 1')).toEqual(OK);
    expect(run('GET a')).toBeNull();
    expect(run('MOVE a 0')).toBe(0);
    run('SWAPDB 0 1');
    expect(run('GET a')).toBe('1');
    expect(run('FLUSHALL')).toEqual(OK);
    expect(run('DBSIZE')).toBe(0);
  });

  it('forgets a key when its time has come', () => {
    const { run, advance } = manualKeyspace();
    run('SET a 1 PX 100');
    advance(99);
    expect(run('PTTL a')).toBe(1);
    advance(1);
    expect(run('EXISTS a')).toBe(0);
    expect(run('DBSIZE')).toBe(0);
  });
});

describe('times', () => {
  it('are rounded to the nearest second, half up', () => {
    const { run } = manualKeyspace();
    for (const [ms, seconds] of [[1499, 1], [1500, 2], [499, 0], [500, 1]]) {
      run(`SET a 1 PX ${ms}`);
      expect([ms, run('TTL a'), run('EXPIRETIME a')]).toEqual([ms, seconds, 1_700_000_000 + (seconds ?? 0)]);
    }
  });

  it('come from the case\'s clock', () => {
    const { run, advance } = manualKeyspace();
    advance(1234);
    expect(run('TIME')).toEqual(['1700000001', '234000']);
    run('SET a 1 EX 10');
    expect(run('PEXPIRETIME a')).toBe(1_700_000_011_234);
  });
});

describe('transactions', () => {
  it('fails EXEC when a watched key was changed by another session, and only then', () => {
    const one = manualKeyspace();
    const two = one.another();
    one.run('WATCH a b');
    two.run('SET c 1');
    one.run('MULTI');
    expect(one.run('SET a 1')).toEqual(QUEUED);
    expect(one.run('EXEC')).toEqual([OK]);
    one.run('WATCH a b');
    two.run('SET b 1');
    one.run('MULTI');
    one.run('SET a 2');
    expect(one.run('EXEC')).toBe(NULL_ARRAY);
    expect(two.run('GET a')).toBe('1');
  });

  it('watches keys of the database they were in, an own change counting too', () => {
    const one = manualKeyspace();
    const two = one.another();
    one.run('WATCH a');
    two.run('SELECT 1');
    two.run('SET a 1');
    one.run('MULTI');
    expect(one.run('EXEC')).toEqual([]);
    one.run('WATCH a');
    one.run('SET a 1');
    one.run('MULTI');
    expect(one.run('EXEC')).toBe(NULL_ARRAY);
  });

  it('takes a watched key that expires for changed, and one already expired for absent', () => {
    const { run, advance } = manualKeyspace();
    run('SET a 1 PX 10');
    run('SET b 1 PX 5');
    advance(6);
    run('WATCH b');
    run('MULTI');
    expect(run('EXEC')).toEqual([]);
    run('WATCH a');
    advance(10);
    run('MULTI');
    expect(run('EXEC')).toBe(NULL_ARRAY);
  });

  it('forgets watches on UNWATCH, DISCARD and EXEC', () => {
    const one = manualKeyspace();
    const two = one.another();
    for (const end of [['UNWATCH'], ['MULTI', 'DISCARD'], ['MULTI', 'EXEC']]) {
      one.run('WATCH a');
      for (const line of end) one.run(line);
      two.run('SET a 1');
      one.run('MULTI');
      expect(one.run('EXEC')).toEqual([]);
    }
  });

  it('discards everything after an error while queueing, and nothing after one while running', () => {
    const { run } = manualKeyspace();
    run('MULTI');
    run('SET a');
    run('SET a 1');
    expect(run('EXEC')).toEqual(error('EXECABORT Transaction discarded because of previous errors.'));
    expect(run('GET a')).toBeNull();
    run('MULTI');
    run('SET a x');
    run('INCR a');
    run('SET b 1');
    expect(run('EXEC')).toEqual([OK, error('ERR value is not an integer or out of range'), OK]);
    expect(run('EXEC')).toEqual(error('ERR EXEC without MULTI'));
    run('MULTI');
    expect(run('MULTI')).toEqual(error('ERR MULTI calls can not be nested'));
    expect(run('WATCH a')).toEqual(error('ERR WATCH inside MULTI is not allowed'));
    expect(run('EXEC')).toEqual([]);
  });
});

describe('blocking commands', () => {
  it('are served in order of arrival, once each', () => {
    const pusher = manualKeyspace();
    const [first, second, third] = [pusher.another(), pusher.another(), pusher.another()];
    expect(first.run('BLPOP a b 0')).toBe('waits');
    expect(second.run('BRPOP b 0')).toBe('waits');
    expect(third.run('BLPOP b 0')).toBe('waits');
    expect(pusher.keyspace.blockedCount).toBe(3);
    expect(pusher.run('RPUSH b 1 2')).toBe(2);
    expect(first.late).toEqual([['b', '1']]);
    expect(second.late).toEqual([['b', '2']]);
    expect(third.late).toEqual([]);
    pusher.run('RPUSH a 3');
    expect(first.late).toHaveLength(1);
    pusher.run('RPUSH b 4');
    expect(third.late).toEqual([['b', '4']]);
    expect(pusher.keyspace.blockedCount).toBe(0);
  });

  it('are served after EXEC as a whole, and chained by what serving them pushes', () => {
    const pusher = manualKeyspace();
    const [mover, popper] = [pusher.another(), pusher.another()];
    popper.run('BLPOP b 0');
    mover.run('BLMOVE a b LEFT LEFT 0');
    pusher.run('MULTI');
    pusher.run('RPUSH a 1');
    pusher.run('DEL a');
    pusher.run('RPUSH a 2');
    expect(pusher.run('EXEC')).toEqual([1, 1, 1]);
    expect(mover.late).toEqual(['2']);
    expect(popper.late).toEqual([['b', '2']]);
    expect(pusher.run('EXISTS a b')).toBe(0);
  });

  it('end with their timeout, inside MULTI at once', () => {
    const { run, late, advance, keyspace } = manualKeyspace();
    run('BLPOP a 1.5');
    advance(1499);
    expect(late).toEqual([]);
    advance(1);
    expect(late).toEqual([NULL_ARRAY]);
    expect(keyspace.blockedCount).toBe(0);
    run('MULTI');
    run('BLPOP a 0');
    run('BLMOVE a b LEFT LEFT 0');
    expect(run('EXEC')).toEqual([NULL_ARRAY, null]);
  });

  it('pass over a key of another type, and are ended with their session or by CLIENT UNBLOCK', () => {
    const other = manualKeyspace();
    const [one, two] = [other.another(), other.another()];
    one.run('BLPOP a 0');
    two.run('BLPOP a 0');
    other.run('SET a 1');
    expect(other.keyspace.blockedCount).toBe(2);
    other.keyspace.end(one.session);
    expect(one.late).toEqual([error('UNBLOCKED client unblocked via CLIENT UNBLOCK')]);
    expect(other.run(`CLIENT UNBLOCK ${other.keyspace.sessionId(two.session)}`)).toBe(1);
    expect(two.late).toEqual([NULL_ARRAY]);
    other.run('DEL a');
    other.run('RPUSH a 1');
    expect(other.run('LLEN a')).toBe(1);
  });
});

describe('pub/sub', () => {
  it('delivers by channel and by pattern, confirming every name once', () => {
    const publisher = manualKeyspace();
    const listener = publisher.another();
    expect(listener.run('SUBSCRIBE a b')).toEqual(new PushReply(['subscribe', 'b', 2]));
    expect(listener.messages).toEqual([['subscribe', 'a', 1]]);
    expect(listener.run('PSUBSCRIBE a*')).toEqual(new PushReply(['psubscribe', 'a*', 3]));
    expect(publisher.run('PUBLISH a hi')).toBe(2);
    expect(listener.messages.slice(1)).toEqual([['message', 'a', 'hi'], ['pmessage', 'a*', 'a', 'hi']]);
    expect(publisher.run('PUBSUB NUMSUB a x')).toEqual(['a', 1, 'x', 0]);
    expect(publisher.run('PUBSUB NUMPAT')).toBe(1);
    expect(listener.run('UNSUBSCRIBE a b')).toEqual(new PushReply(['unsubscribe', 'b', 1]));
    publisher.keyspace.end(listener.session);
    expect(publisher.run('PUBLISH a hi')).toBe(0);
  });

  it('lets a RESP2 session with subscriptions send only what Redis lets it', () => {
    const { run, session } = manualKeyspace();
    run('SUBSCRIBE a');
    expect(run('GET a')).toEqual(error("ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"));
    expect(run('PING')).toEqual(['pong', '']);
    run('RESET');
    expect(run('GET a')).toBeNull();
    run('HELLO 3');
    run('SUBSCRIBE a');
    expect(run('GET a')).toBeNull();
    expect(session.protocol).toBe(3);
  });
});
