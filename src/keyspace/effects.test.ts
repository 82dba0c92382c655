import { describe, expect, it } from 'vitest';
import { manualKeyspace } from './manual-keyspace.ts';
import type { AccessObserver } from './database.ts';

/** What the observer is told while the lines run, after the preparation has run. */
function told(prepared: readonly string[], lines: readonly string[]): string[] {
  const events: string[] = [];
  const observer: AccessObserver = {
    read: (database, key) => events.push(`read ${database}/${key}`),
    write: (database, key, part) => events.push(`write ${database}/${key}${part === null ? '' : ` ${part}`}`),
    expiry: (database, key, change) => events.push(`expiry ${database}/${key} ${JSON.stringify(change)}`),
    listing: (database) => events.push(`listing ${database}`),
    publish: (channel, message) => events.push(`publish ${channel} ${message}`),
  };
  const { run } = manualKeyspace({ observer });
  for (const line of prepared) run(line);
  events.length = 0;
  for (const line of lines) run(line);
  return events;
}

/** The last write and the last expiry change of each key: what a comparison of effects looks at. */
function effects(prepared: readonly string[], lines: readonly string[]): string[] {
  const last = new Map<string, string>();
  for (const event of told(prepared, lines)) {
    const [kind = '', key = ''] = event.split(' ');
    if (kind !== 'read' && kind !== 'listing') last.set(`${kind} ${key}`, event);
  }
  return [...last.values()].sort();
}

describe('effects told to the observer', () => {
  it('are the same for SETEX, SET EX, and SET with EXPIRE, whatever was there', () => {
    for (const before of [[], ['SET a 0'], ['SET a 0 EX 5']]) {
      const expected = ['expiry 0/a {"kind":"relative","ms":10000}', 'write 0/a'];
      expect(effects(before, ['SETEX a 10 1'])).toEqual(expected);
      expect(effects(before, ['PSETEX a 10000 1'])).toEqual(expected);
      expect(effects(before, ['SET a 1 EX 10'])).toEqual(expected);
      expect(effects(before, ['SET a 1', 'EXPIRE a 10'])).toEqual(expected);
    }
  });

  it('show an expiry as cleared only where there was one', () => {
    expect(effects(['SET a 0'], ['SET a 1'])).toEqual(['write 0/a']);
    const cleared = 'expiry 0/a {"kind":"cleared"}';
    for (const line of ['SET a 1', 'MSET a 1', 'GETSET a 1', 'BITOP NOT a b', 'SUNIONSTORE a s', 'ZUNIONSTORE a 1 z', 'ZRANGESTORE a z 0 -1', 'SORT s STORE a']) {
      expect([line, ...effects(['SET a 0 EX 9', 'SET b x', 'SADD s 1', 'ZADD z 1 m'], [line])]).toEqual([line, cleared, 'write 0/a']);
    }
    expect(effects(['SET a 0 EX 9'], ['PERSIST a'])).toEqual([cleared]);
    expect(effects(['SET a 0'], ['PERSIST a'])).toEqual([]);
    expect(effects(['SET a 0 EX 9'], ['GETEX a PERSIST'])).toEqual([cleared]);
  });

  it('leave the expiry alone for commands that change a value in place', () => {
    for (const line of ['SET a 1 KEEPTTL', 'INCR a', 'APPEND a 1', 'SETRANGE a 0 1', 'SETBIT a 0 0', 'INCRBYFLOAT a 1', 'BITFIELD a SET u8 0 1']) {
      expect([line, ...effects(['SET a 0 EX 9'], [line])]).toEqual([line, 'write 0/a']);
    }
  });

  it('count an expiry set to what it already was, and a write of the same value', () => {
    expect(effects(['SET a 0 EX 9'], ['EXPIRE a 9'])).toEqual(['expiry 0/a {"kind":"relative","ms":9000}']);
    expect(effects(['SET a 0'], ['SET a 0'])).toEqual(['write 0/a']);
  });

  it('take an expiry that is due for a deletion, and none of a key that is not there', () => {
    expect(effects(['SET a 0'], ['EXPIRE a -1'])).toEqual(effects(['SET a 0'], ['DEL a']));
    expect(effects([], ['EXPIRE a 10'])).toEqual([]);
  });

  it('tell reads of what a command consults, also where there is nothing', () => {
    expect(told([], ['GET a', 'SET b 1 NX', 'EXISTS c'])).toEqual(['read 0/a', 'read 0/b', 'write 0/b', 'read 0/c']);
    expect(told([], ['SET a 1', 'MSET b 2 c 3'])).toEqual(['write 0/a', 'write 0/b', 'write 0/c']);
  });

  it('tell of listings, and of publishing', () => {
    for (const line of ['KEYS *', 'SCAN 0', 'DBSIZE', 'RANDOMKEY']) expect([line, ...told([], [line])]).toEqual([line, 'listing 0']);
    expect(told([], ['PUBLISH c hi'])).toEqual(['publish c hi']);
    expect(told(['SET a 1'], ['FLUSHDB'])).toEqual(['write 0/a']);
  });

  it('give RENAME as a deletion here and a write there, the expiry going along', () => {
    expect(effects(['SET a 1 PXAT 1800000000000'], ['RENAME a b'])).toEqual(['expiry 0/b {"kind":"absolute","atMs":1800000000000}', 'write 0/a', 'write 0/b']);
    expect(effects(['SET a 1', 'SET b 1 EX 9'], ['RENAME a b'])).toEqual(['expiry 0/b {"kind":"cleared"}', 'write 0/a', 'write 0/b']);
  });
});
