import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { elementFromEntry, entryFromElement } from '../../keyspace/entry.ts';
import { Keyspace } from '../../keyspace/keyspace.ts';
import type { Reply } from '../../keyspace/reply.ts';
import { newSession } from '../../keyspace/session.ts';
import type { Element } from '../../model/element.ts';
import { beforeServed } from './recording-served.ts';

const list = (...items: string[]): Element => ({ value: { type: 'list', items }, expiresAtMs: null });
const word = fc.constantFrom('a', 'b', 'c', '');
const lists = fc.array(word, { minLength: 1, maxLength: 5 }).map((items) => list(...items));
const zsets = fc.uniqueArray(word, { minLength: 1 }).chain((members) => fc.array(fc.constantFrom(-Infinity, 0, 1.5, 7), { minLength: members.length, maxLength: members.length })
  .map((scores): Element => ({ value: { type: 'zset', members: members.map((member, index): [string, number] => [member, scores[index] as number]).sort(([a, x], [b, y]) => x - y || (a < b ? -1 : 1)) }, expiresAtMs: null })));
const commands = fc.oneof(
  fc.tuple(lists, fc.constantFrom(['BLPOP', 'k', '0'], ['brpop', 'other', 'k', '0'], ['BLMPOP', '0', '2', 'other', 'k', 'LEFT', 'COUNT', '2'], ['BLMPOP', '0', '1', 'k', 'right', 'COUNT', '3'], ['BRPOPLPUSH', 'k', 'd', '0'], ['BLMOVE', 'k', 'd', 'LEFT', 'RIGHT', '0'], ['BLMOVE', 'k', 'k', 'LEFT', 'RIGHT', '0'])),
  fc.tuple(zsets, fc.constantFrom(['BZPOPMIN', 'k', '0'], ['BZPOPMAX', 'k', '0'], ['BZMPOP', '0', '1', 'k', 'MAX', 'COUNT', '2'])),
);

test('what a waiter was given is put back where it came from', () => {
  fc.assert(fc.property(commands, fc.option(lists, { nil: null }), ([before, args], destination) => {
    const keyspace = new Keyspace({ now: () => 0, random: () => 0, after: () => () => {} });
    const database = keyspace.database(0);
    database.put('k', entryFromElement(before));
    if (destination !== null) database.put('d', entryFromElement(destination));
    let reply: Reply = null;
    keyspace.execute(newSession(() => {}), args, (given) => {
      reply = given;
    });
    const now = (key: string): Element | null => {
      const entry = database.peek(key);
      return entry === undefined ? null : elementFromEntry(entry);
    };
    expect(beforeServed('k', now('k'), { args, reply })).toEqual(before);
    if (args[2] === 'd') expect(beforeServed('d', now('d'), { args, reply })).toEqual(destination);
  }));
});

test('what cannot be told is not guessed', () => {
  expect(beforeServed('x', null, { args: ['XREADGROUP', 'GROUP', 'g', 'me', 'BLOCK', '0', 'STREAMS', 'x', '>'], reply: [] })).toBe(undefined);
  expect(beforeServed('l', { value: { type: 'string', value: 'x' }, expiresAtMs: null }, { args: ['BLPOP', 'l', '0'], reply: ['l', 'a'] })).toBe(undefined);
  expect(beforeServed('d', list('b'), { args: ['BLMOVE', 's', 'd', 'LEFT', 'LEFT', '0'], reply: 'a' })).toBe(undefined); // somebody has taken it since
});
