import { gzipSync } from 'node:zlib';
import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { byteString, utf8ByteString } from '../lib/bytes.ts';
import type { CaseOutcome, Effect, ExpiryEffect, OutcomeCall } from '../model/run.ts';
import { compareOutcomes } from './compare.ts';
import { callOf, effectOf, hashOf, jsonResponse, outcomeOf, setOf, stringOf } from './outcome.ts';
import { differenceLines } from './terminal.ts';

const kinds = (baseline: Partial<CaseOutcome>, candidate: Partial<CaseOutcome>): string[] =>
  compareOutcomes(outcomeOf(baseline), outcomeOf(candidate)).map((difference) => `${difference.kind} ${difference.path}`);
const writes = (baseline: readonly Effect[], candidate: readonly Effect[]): string[] => kinds({ effects: baseline }, { effects: candidate });
const hour: ExpiryEffect = { kind: 'relative', ms: 3_600_000 };
const element = (effect: Effect): Effect['after'] => effect.after;

describe('effects: the oracle table of real services', () => {
  const session = effectOf('session', stringOf('x'), { valueWritten: false, expiry: hour });
  it('an EXPIRE to the same value left out is a missing write', () => {
    expect(writes([session], [])).toEqual(['write_missing $.writes[\'redis:0/session\']']);
  });
  it('an EXPIRE left out of a write is an expiry difference', () => {
    const written = effectOf('session', stringOf('x'), { expiry: hour });
    expect(writes([written], [{ ...written, expiry: null }])).toEqual(['expiry $.writes[\'redis:0/session\'].expiry']);
  });
  it('another time to live, and a cleared one, are expiry differences', () => {
    const before = { value: stringOf('x'), expiresAtMs: 5 };
    const written = effectOf('session', stringOf('x'), { before, expiry: hour });
    expect(writes([written], [{ ...written, expiry: { kind: 'relative', ms: 3600 } }])).toHaveLength(1);
    expect(writes([written], [{ ...written, expiry: { kind: 'cleared' } }])).toHaveLength(1);
    expect(writes([{ ...written, expiry: null }], [{ ...written, expiry: { kind: 'cleared' } }])).toHaveLength(1);
  });
  it('clearing an expiry that is not there is nothing', () => {
    const written = effectOf('k', stringOf('x'));
    expect(writes([written], [{ ...written, expiry: { kind: 'cleared' } }])).toEqual([]);
  });
  it('a field no longer written that already had the value', () => {
    const before = element(effectOf('user', hashOf({ name: 'a', seen: '1' })));
    const both = effectOf('user', hashOf({ name: 'a', seen: '2' }), { before, parts: ['name', 'seen'] });
    expect(writes([both], [{ ...both, parts: ['seen'] }])).toEqual(['write_missing $.writes[\'redis:0/user\'].fields.name']);
  });
  it('a field written additionally to the value it had is nothing, with another value it is extra', () => {
    const base = effectOf('user', hashOf({ name: 'a', seen: '2' }), { parts: ['seen'] });
    expect(writes([base], [{ ...base, parts: ['seen', 'name'] }])).toEqual([]);
    expect(writes([base], [effectOf('user', hashOf({ name: 'b', seen: '2' }), { parts: ['seen', 'name'] })])).toEqual(['write_extra $.writes[\'redis:0/user\'].fields.name']);
  });
  it('HSET split, merged, or HMSET is nothing; so is the order of independent writes', () => {
    const [a, b] = [effectOf('a', hashOf({ x: '1', y: '2' }), { parts: ['x', 'y'] }), effectOf('b', stringOf('1'))];
    expect(writes([a, b], [b, { ...effectOf('a', hashOf({ y: '2', x: '1' })), parts: ['y', 'x'] }])).toEqual([]);
  });
  it('SETEX, SET EX and SET with EXPIRE are one effect', () => {
    expect(writes([effectOf('k', stringOf('v'), { expiry: hour })], [effectOf('k', stringOf('v'), { expiry: { ...hour } })])).toEqual([]);
  });
  it('a moment and a duration are equal within a second', () => {
    const at = (expiry: ExpiryEffect): Effect => effectOf('k', stringOf('v'), { expiry });
    expect(writes([at(hour)], [at({ kind: 'absolute', ms: 3_600_400 })])).toEqual([]);
    expect(writes([at(hour)], [at({ kind: 'absolute', ms: 3_602_000 })])).toHaveLength(1);
  });
  it('a double increment is a changed write', () => {
    expect(writes([effectOf('n', stringOf('6'))], [effectOf('n', stringOf('7'))])).toEqual(['write_changed $.writes[\'redis:0/n\'].value']);
  });
  it('a wrong field is one missing and one extra write', () => {
    expect(writes([effectOf('h', hashOf({ qty: '1' }), { parts: ['qty'] })], [effectOf('h', hashOf({ quantity: '1' }), { parts: ['quantity'] })]))
      .toEqual(['write_missing $.writes[\'redis:0/h\'].fields.qty', 'write_extra $.writes[\'redis:0/h\'].fields.quantity']);
  });
  it('a dropped, an extra and a deleted key', () => {
    const key = effectOf('k', stringOf('v'));
    expect(writes([key], [])).toEqual(['write_missing $.writes[\'redis:0/k\']']);
    expect(writes([], [{ ...key, before: key.after }])).toEqual(['write_extra $.writes[\'redis:0/k\']']);
    expect(writes([key], [effectOf('k', null)])).toEqual(['write_changed $.writes[\'redis:0/k\']']);
  });
  it('an extra read is nothing', () => {
    expect(kinds({}, { reads: [{ key: 'redis:0/x', provenance: 'chain', revision: 1, fault: true }], commands: 9 })).toEqual([]);
  });
  it('a value written where only the expiry was touched, and the reverse', () => {
    const written = effectOf('k', stringOf('v'), { expiry: hour });
    expect(writes([written], [{ ...written, valueWritten: false }])).toEqual(['write_missing $.writes[\'redis:0/k\'].value']);
    expect(writes([{ ...written, valueWritten: false }], [written])).toEqual(['write_extra $.writes[\'redis:0/k\'].value']);
  });
});

describe('values by type', () => {
  it('a HyperLogLog is compared by its registers: its cached count changes when it is read', () => {
    const log = (cache: string, registers: string): Effect[] => [effectOf('visitors', stringOf(`HYLL\x01\0\0\0${cache}${registers}`))];
    expect(writes(log('\x01\0\0\0\0\0\0\x80', '{\x02\x94D\xfb'), log('\0\0\0\0\0\0\0\x80', '{\x02\x94D\xfb'))).toEqual([]);
    expect(writes(log('\0\0\0\0\0\0\0\x80', '{\x02\x94D\xfb'), log('\0\0\0\0\0\0\0\x80', '{\x02\x84D\xfb'))).toHaveLength(1);
  });
  it('sets have no order, and members are missing or extra', () => {
    expect(writes([effectOf('s', setOf('a', 'b'), { parts: ['a'] })], [effectOf('s', setOf('b', 'a'), { parts: ['a'] })])).toEqual([]);
    expect(writes([effectOf('s', setOf('a', 'b'), { parts: ['b'] })], [effectOf('s', setOf('a', 'c'), { parts: ['c'] })]))
      .toEqual(['write_missing $.writes[\'redis:0/s\'].members[*]', 'write_extra $.writes[\'redis:0/s\'].members[*]']);
  });
  it('a sorted set by member and score', () => {
    const zset = (score: number): Effect => effectOf('z', { type: 'zset', members: [['a', 1], ['b', score]] }, { parts: ['b'] });
    expect(writes([zset(2)], [zset(3)])).toEqual(['write_changed $.writes[\'redis:0/z\'].members[*].score']);
  });
  it('lists by position', () => {
    const list = (...items: string[]): Effect => effectOf('l', { type: 'list', items });
    expect(writes([list('a', 'b')], [list('b', 'a')])).toEqual(['write_changed $.writes[\'redis:0/l\'].items']);
    expect(writes([list('a', 'b')], [list('x', 'a', 'b')])).toEqual(['write_changed $.writes[\'redis:0/l\'].items[*]']);
  });
  it('streams by entry, ids that follow the clock within a second', () => {
    const stream = (id: string, field: string): Effect => effectOf('x', { type: 'stream', items: [{ id, fields: [['f', field]] }], lastId: id, maxDeletedId: '0-0', entriesAdded: 1, groups: [] });
    expect(writes([stream('1700000000000-0', 'a')], [stream('1700000000007-0', 'a')])).toEqual([]);
    expect(writes([stream('1700000000000-0', 'a')], [stream('1699999999999-1', 'a')])).toEqual([]);
    expect(writes([stream('1700000000000-0', 'a')], [stream('1700000000007-0', 'b')])).toEqual(['write_changed $.writes[\'redis:0/x\'].items[*].fields.f']);
    expect(writes([stream('5-0', 'a')], [stream('6-0', 'a')])).toHaveLength(1);
  });
  it('JSON inside values, fields and members by value', () => {
    expect(writes([effectOf('k', stringOf('{"a":1,"b":[2]}'))], [effectOf('k', stringOf('{ "b": [2], "a": 1 }'))])).toEqual([]);
    expect(writes([effectOf('k', stringOf('{"a":1}'))], [effectOf('k', stringOf('{"a":2}'))])).toEqual(['write_changed $.writes[\'redis:0/k\'].value.a']);
    expect(writes([effectOf('s', setOf('{"a":1,"b":2}'))], [effectOf('s', setOf('{"b":2,"a":1}'))])).toEqual([]);
    expect(writes([effectOf('k', stringOf('{"a":1}'))], [effectOf('k', stringOf('{"a":"1"}'))])).toEqual(['write_changed $.writes[\'redis:0/k\'].value.a']);
  });
  it('other bytes exactly, and where they begin to differ is told', () => {
    const bytes = (value: string): Effect => effectOf('k', { type: 'string', value });
    expect(writes([bytes('\x80\x04a')], [bytes('\x80\x04a')])).toEqual([]);
    const [difference] = compareOutcomes(outcomeOf({ effects: [bytes('\x80\x04a')] }), outcomeOf({ effects: [bytes('\x80\x04bc')] }));
    expect(difference?.baseline).toBe('3 bytes, from byte 2 on: 61');
  });
  it('another type of element', () => {
    expect(writes([effectOf('k', setOf('a'))], [effectOf('k', stringOf('a'))])).toEqual(['write_changed $.writes[\'redis:0/k\']']);
  });
});

describe('responses', () => {
  const response = (body: string, headers: [string, string][] = []): Partial<CaseOutcome> => ({ response: { status: 200, headers, body: utf8ByteString(body) } });
  it('status, JSON types, missing and new fields', () => {
    expect(kinds({ response: jsonResponse({ a: 1, b: 2, c: null }) }, { response: jsonResponse({ a: '1', d: 2, c: null }, { status: 201 }) })).toEqual([
      'response $.response.status', 'response $.response.body.a', 'response $.response.body.b', 'response $.response.body.d',
    ]);
  });
  it('numbers beyond a double are told apart', () => {
    expect(kinds(response('{"id":9007199254740993}'), response('{"id":9007199254740992}'))).toEqual(['response $.response.body.id']);
    expect(kinds(response('{"id":9007199254740993, "s":"\\"1234567890123456789"}'), response('{"s":"\\"1234567890123456789","id":9007199254740993}'))).toEqual([]);
  });
  it('headers without case, connection headers not at all, cookies by name and attribute', () => {
    const baseline = response('x', [['Date', 'a'], ['X-Kind', '1'], ['Set-Cookie', 'a=1; Path=/; HttpOnly'], ['Set-Cookie', 'b=2']]);
    const candidate = response('x', [['date', 'b'], ['x-kind', '1'], ['set-cookie', 'b=2'], ['set-cookie', 'a=1; path=/'], ['connection', 'close']]);
    expect(kinds(baseline, candidate)).toEqual(['response $.response.headers[\'set-cookie\'].a.httponly']);
  });
  it('compressed bodies by what they say', () => {
    const zipped = { status: 200, headers: [['content-encoding', 'gzip']] as [string, string][] };
    const body = (text: string, level: number): string => byteString(gzipSync(text, { level }));
    expect(kinds({ response: { ...zipped, body: body('{"a":1}', 1) } }, { response: { ...zipped, body: body('{"a": 1}', 9) } })).toEqual([]);
    expect(kinds({ response: { ...zipped, body: body('{"a":1}', 1) } }, { response: { ...zipped, body: body('{"a":2}', 1) } })).toEqual(['response $.response.body.a']);
  });
  it('text by lines, and an item put in the middle of a list as one difference', () => {
    expect(kinds(response('a\nb\nc'), response('a\nX\nb\nc'))).toEqual(['response $.response.body[*]']);
    expect(kinds({ response: jsonResponse([1, 2, 3]) }, { response: jsonResponse([1, 9, 2, 3]) })).toEqual(['response $.response.body[*]']);
    expect(kinds({ response: jsonResponse({ l: [1, 2] }) }, { response: jsonResponse({ l: [2, 1] }) })).toEqual(['response $.response.body.l']);
  });
  it('no response at all', () => {
    expect(kinds(response('a'), { response: null })).toEqual(['response $.response']);
  });
});

describe('calls and messages', () => {
  it('missing, extra and changed calls', () => {
    expect(kinds({ calls: [callOf('GET', '/a'), callOf('POST', '/b', { n: 1 })] }, { calls: [callOf('POST', '/b', { n: 2 }), callOf('PUT', '/c')] }))
      .toEqual(['call_changed $.calls[\'POST /b\'].body.n', 'call_missing $.calls[\'GET /a\']', 'call_extra $.calls[\'PUT /c\']']);
  });
  it('the number of equal calls counts', () => {
    expect(kinds({ calls: [callOf('GET', '/a')] }, { calls: [callOf('GET', '/a'), callOf('GET', '/a')] })).toEqual(['call_extra $.calls[\'GET /a\']']);
  });
  it('order counts among calls that change something, per dependency', () => {
    const [a, b] = [callOf('POST', '/a'), callOf('POST', '/b')];
    expect(kinds({ calls: [a, b] }, { calls: [b, a] })).toEqual(['order $.calls']);
    expect(kinds({ calls: [callOf('GET', '/a'), callOf('GET', '/b')] }, { calls: [callOf('GET', '/b'), callOf('GET', '/a')] })).toEqual([]);
    expect(kinds({ calls: [a, { ...b, dependency: 'other' }] }, { calls: [{ ...b, dependency: 'other' }, a] })).toEqual([]);
  });
  it('headers of calls: authorization yes, user-agent no', () => {
    const call = (name: string, value: string): Partial<CaseOutcome> => ({ calls: [callOf('GET', '/a', undefined, { headers: [[name, value]] })] });
    expect(kinds(call('User-Agent', 'a'), call('user-agent', 'b'))).toEqual([]);
    expect(kinds(call('Authorization', 'Bearer a'), call('Authorization', 'Bearer b'))).toEqual(['call_changed $.calls[\'GET /a\'].headers.authorization']);
  });
  it('not the order of calls that the baseline made at once', () => {
    const [a, b, c] = ['/a', '/b', '/c'].map((target) => callOf('POST', target)) as [OutcomeCall, OutcomeCall, OutcomeCall];
    const during = (call: OutcomeCall, ...open: number[]): OutcomeCall => ({ ...call, during: open });
    const atOnce = { calls: [a, during(b, 0), c] };
    expect(kinds(atOnce, { calls: [b, a, c] })).toEqual([]);
    expect(kinds(atOnce, { calls: [during(b), during(a, 0), during(c, 0)] })).toEqual([]);
    expect(kinds(atOnce, { calls: [a, c, b] })).toEqual(['order $.calls']);
    expect(kinds(atOnce, { calls: [b, a] })).toEqual(['call_missing $.calls[\'POST /c\']']);
    expect(kinds({ calls: [a, b] }, { calls: [b, during(a, 0)] })).toEqual(['order $.calls']);
  });
  it('query parameters without order', () => {
    expect(kinds({ calls: [callOf('GET', '/a?x=1&y=2')] }, { calls: [callOf('GET', '/a?y=2&x=1')] })).toEqual([]);
    expect(kinds({ calls: [callOf('GET', '/a?x=1')] }, { calls: [callOf('GET', '/a?x=2')] })).toEqual(['call_changed $.calls[\'GET /a\'].target.query.x']);
  });
  it('messages in order by channel', () => {
    const m = (channel: string, message: string): { channel: string; message: string } => ({ channel, message });
    expect(kinds({ messages: [m('a', '1'), m('b', '2')] }, { messages: [m('b', '2'), m('a', '1')] })).toEqual([]);
    expect(kinds({ messages: [m('a', '1'), m('a', '2')] }, { messages: [m('a', '2'), m('a', '1')] })).toEqual(['order $.messages.a']);
    expect(kinds({ messages: [m('a', '1')] }, { messages: [] })).toEqual(['write_missing $.messages.a[*]']);
  });
});

describe('words', () => {
  const words = (baseline: Partial<CaseOutcome>, candidate: Partial<CaseOutcome>): string[] => compareOutcomes(outcomeOf(baseline), outcomeOf(candidate))
    .map((difference) => differenceLines(difference, pc.createColors(false)).join(' | ').replaceAll(/(baseline|candidate) +/g, '$1 ').replaceAll('redis:0/', ''));
  const said = (baseline: Effect | undefined, candidate: Effect | undefined): string => words({ effects: baseline === undefined ? [] : [baseline] }, { effects: candidate === undefined ? [] : [candidate] }).join('; ');
  const minute: ExpiryEffect = { kind: 'relative', ms: 60_000 };
  it('say what was done to a key', () => {
    const [text, touched] = [effectOf('k', stringOf('v')), effectOf('k', stringOf('v'), { valueWritten: false, expiry: minute })];
    expect(said(text, undefined)).toBe('k is no longer written | baseline "v" | candidate (not written)');
    expect(said(undefined, text)).toBe('k is written, which the baseline did not do | baseline (not written) | candidate "v"');
    expect(said(effectOf('k', null, { before: text.after }), undefined)).toBe('k is no longer deleted | baseline deleted | candidate (not written)');
    expect(said(text, effectOf('k', null, { before: text.after }))).toBe('k is deleted instead of written | baseline "v" | candidate deleted');
    expect(said(touched, undefined)).toBe('k: its expiry is no longer set | baseline expires 1 min after it is set | candidate (not written)');
    expect(said(effectOf('s', setOf('a', 'c'), { parts: ['b', 'c'] }), undefined)).toContain('| baseline removes "b", adds "c" |');
    expect(said(undefined, effectOf('h', hashOf({ a: '1', b: '2' }), { parts: ['a'] }))).toContain('| candidate a = "1"');
    const seven = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(said(effectOf('h', hashOf(Object.fromEntries(seven.map((name) => [name, '1']))), { parts: seven }), undefined)).toContain('e = "1", 2 more |');
  });
  it('say where in a value, and what happened to an expiry', () => {
    expect(said(effectOf('k', stringOf('1')), effectOf('k', stringOf('2')))).toBe('k: the value differs | baseline "1" | candidate "2"');
    expect(said(effectOf('k', stringOf('{"a":{"b":1}}')), effectOf('k', stringOf('{"a":{"b":2}}')))).toBe('k: a.b differs | baseline 1 | candidate 2');
    expect(said(effectOf('h', hashOf({ f: '{"b":1}' }), { parts: ['f'] }), effectOf('h', hashOf({ f: '{}' }), { parts: ['f'] }))).toBe('h: field f: b is missing | baseline 1 | candidate (not there)');
    expect(said(effectOf('l', { type: 'list', items: ['a', 'b'] }), effectOf('l', { type: 'list', items: ['a', 'c'] }))).toBe('l: item 1 differs | baseline "b" | candidate "c"');
    const seen = effectOf('h', hashOf({ f: '2' }), { parts: ['f'] });
    expect(said(seen, effectOf('h', hashOf({ f: '1' }), { parts: [], valueWritten: false, expiry: minute }))).toContain('h: field f is no longer written and keeps what it had | baseline "2" | candidate "1"');
    const expiring = effectOf('k', stringOf('v'), { expiry: minute });
    expect(said(expiring, effectOf('k', stringOf('v'), { expiry: hour }))).toBe('k: expires at another time | baseline expires 1 min after it is set | candidate expires 1 h after it is set');
    expect(said(expiring, effectOf('k', stringOf('v')))).toBe('k: its expiry is no longer set | baseline expires 1 min after it is set | candidate never expires');
  });
  it('say what of an answer, a call or a message', () => {
    expect(words({ response: jsonResponse({}, { status: 201 }) }, { response: jsonResponse({}) })).toEqual(['answers 200 instead of 201 | baseline 201 | candidate 200']);
    expect(words({ response: jsonResponse({ a: { b: 1 } }) }, { response: jsonResponse({ a: {} }) })).toEqual(['response body: a.b is missing | baseline 1 | candidate (not there)']);
    expect(words({ response: jsonResponse({}, { headers: [['x-kind', 'a']] }) }, { response: jsonResponse({}, { headers: [['x-kind', 'b']] }) })).toEqual(['response header x-kind differs | baseline "a" | candidate "b"']);
    expect(words({ calls: [callOf('GET', '/a')] }, {})).toEqual(['call GET /a to api is no longer made | baseline GET /a | candidate (not called)']);
    expect(words({ messages: [{ channel: 'c', message: 'm' }] }, {})).toEqual(['a message on c is no longer published | baseline "m" | candidate (not published)']);
  });
});
