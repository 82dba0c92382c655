import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8ByteString } from '../lib/bytes.ts';
import type { CaseOutcome } from '../model/run.ts';
import { compareOutcomes, type ComparisonContext } from './compare.ts';
import { callOf, effectOf, hashOf, jsonResponse, outcomeOf, setOf, stringOf } from './outcome.ts';
import { Occurrences } from './occurrences.ts';
import { namePairs, occursIn, replacer, tokenPairs } from './tokens.ts';

const hour = { kind: 'relative', ms: 3_600_000 } as const;

/** An order is placed: its ids are everywhere. */
function order(ids: { readonly order: string; readonly session: string; readonly event: string }, wrong: Partial<typeof ids> = {}): CaseOutcome {
  const elsewhere = { ...ids, ...wrong };
  return outcomeOf({
    response: jsonResponse({ id: ids.order, links: { self: `/orders/${ids.order}` }, total: 12 }, {
      headers: [['set-cookie', `sid=s%3A${ids.session}; Path=/; HttpOnly`], ['location', `http://shop/orders/${ids.order}?via=${ids.session}`]],
    }),
    effects: [
      effectOf(`order:${elsewhere.order}`, hashOf({ id: ids.order, total: '12', payload: JSON.stringify({ event: ids.event }) }), { parts: ['id', 'total', 'payload'] }),
      effectOf(`session:${elsewhere.session}`, stringOf(JSON.stringify({ lastOrder: ids.order })), { expiry: hour }),
      effectOf('orders', setOf(ids.order, 'old'), { parts: [ids.order] }),
      effectOf('events', { type: 'list', items: [utf8ByteString(JSON.stringify({ id: elsewhere.event, order: ids.order }))] }),
    ],
    calls: [callOf('POST', `/payments/${elsewhere.order}`, { reference: ids.order })],
    messages: [{ channel: `orders:${ids.order}`, message: ids.event }],
  });
}

const uuid = fc.uuid({ version: 4 });
// base62 tokens as nanoid makes them; a digit in the middle keeps them from looking like words
const token = fc.stringMatching(/^[A-Za-z]{2}[0-9][A-Z]{2}[a-z][0-9][A-Z][a-z]{2}[0-9][A-Za-z][0-9]$/);
const hex = fc.stringMatching(/^[0-9][a-f][0-9a-f]{28}[a-f][0-9]$/);
const ids = fc.record({ order: uuid, session: token, event: hex });
const distinct = (a: { order: string; session: string; event: string }, b: typeof a): boolean => a.order !== b.order && a.session !== b.session && a.event !== b.event;

const compare = (a: CaseOutcome, b: CaseOutcome, context?: ComparisonContext): string[] => compareOutcomes(a, b, context).map((difference) => `${difference.kind} ${difference.path}`);

describe('renaming laws', () => {
  it('an outcome compared with itself has no difference', () => {
    fc.assert(fc.property(ids, (own) => compare(order(own), order(own)).length === 0));
  });
  it('renaming all fresh ids by another bijection gives no difference', () => {
    fc.assert(fc.property(ids, ids, (a, b) => {
      fc.pre(distinct(a, b));
      expect(compare(order(a), order(b))).toEqual([]);
    }));
  });
  it('one id that does not go along is a difference', () => {
    const place = fc.constantFrom('order', 'session', 'event');
    fc.assert(fc.property(ids, ids, ids, place, (a, b, c, which) => {
      fc.pre(distinct(a, b) && distinct(b, c) && distinct(a, c));
      expect(compare(order(a), order(b, { [which]: c[which] }))).not.toEqual([]);
      expect(compare(order(a), order(b, { [which]: a[which] }))).not.toEqual([]);
      expect(compare(order(a, { [which]: c[which] }), order(b))).not.toEqual([]);
    }));
  });
  it('a token that existed before is never renamed', () => {
    fc.assert(fc.property(ids, ids, (a, b) => {
      fc.pre(distinct(a, b));
      expect(compare(order(a), order(b), { known: (found) => found === a.order })).not.toEqual([]);
      expect(compare(order(a), order(b), { known: (found) => found === b.order })).not.toEqual([]);
    }));
  });
});

describe('renaming', () => {
  const state = (...keys: [string, string][]): CaseOutcome => outcomeOf({ effects: keys.map(([key, value]) => effectOf(key, stringOf(value))) });
  it('pairs several generated keys of one case by what they hold', () => {
    const baseline = state(['job:aB3dE5fG7h', 'mail'], ['job:kL1mN2oP3q', 'bill'], ['last', 'aB3dE5fG7h']);
    expect(compare(baseline, state(['job:zY9xW8vU7t', 'bill'], ['job:q1W2e3R4t5', 'mail'], ['last', 'q1W2e3R4t5']))).toEqual([]);
    expect(compare(baseline, state(['job:zY9xW8vU7t', 'bill'], ['job:q1W2e3R4t5', 'mail'], ['last', 'zY9xW8vU7t']))).not.toEqual([]);
  });
  it('pairs a name whose id looks like a word on one side, where no other fits', () => {
    const baseline = state(['link:VPtSVvWG', '{"to":"a","slug":"VPtSVvWG"}'], ['count', '1']);
    expect(compare(baseline, state(['link:NSOd-kEA', '{"to":"a","slug":"NSOd-kEA"}'], ['count', '1']))).toEqual([]);
    expect(compare(baseline, state(['link:NSOd-kEA', '{"to":"b","slug":"NSOd-kEA"}'], ['count', '1']))).toEqual(['write_changed $.writes[\'redis:0/link:*\'].value.to']);
    expect(compare(baseline, state(['link:NSOd-kEA', '{"to":"a","slug":"NSOd-kEB"}'], ['count', '1']))).toEqual(['write_changed $.writes[\'redis:0/link:*\'].value.slug']);
    const members = (member: string): CaseOutcome => outcomeOf({ effects: [effectOf('links', setOf(member, 'old'), { parts: [member] })] });
    expect(compare(members('VPtSVvWG'), members('NSOd-kEA'))).toEqual([]);
  });
  it('goes by what is under such names where several fit, and leaves them apart where that does not tell', () => {
    const baseline = state(['link:VPtSVvWG', 'a'], ['link:NSOd-kEA', 'b']);
    expect(compare(baseline, state(['link:aB3dE5fG', 'b'], ['link:kDEysunZ', 'a']))).toEqual([]);
    expect(compare(state(['link:VPtSVvWG', 'a'], ['link:aB3dE5fG', 'a']), state(['link:NSOd-kEA', 'b'], ['link:tree-Top', 'c']))).toHaveLength(4);
  });
  it('takes a hexadecimal id without letters for one where ids are known to stand', () => {
    const [a, b] = [state(['job:78379644', 'x'], ['last', '78379644']), state(['job:1471cf6b', 'x'], ['last', '1471cf6b'])];
    expect(compare(a, b, { generatedAt: () => true })).toEqual([]);
    const plain = state(['job:1234567a', 'x'], ['last', '1234567a']);
    expect(compare(a, plain)).not.toEqual([]);
    expect(compare(a, plain, { generatedAt: () => true })).toEqual([]);
  });
  it('never pairs names that are words, of another structure, or with other things beside the id', () => {
    for (const [a, b] of [['stats:added', 'stats:removed'], ['link:aB3dE5fG', 'link:NSOd-kEA:log'], ['link:aB3dE5fG', 'page:NSOd-kEA'], ['user:17', 'user:18']] as const) {
      expect(compare(state([a, 'x']), state([b, 'x'])), `${a} ${b}`).toHaveLength(2);
    }
    expect(compare(state(['link:aB3dE5fG', 'x']), state(['link:NSOd-kEA', 'x']), { known: (token) => token === 'NSOd-kEA' })).toHaveLength(2);
    expect(compare(state(['link:aB3dE5fG', 'x']), state())).toHaveLength(1);
  });
  it('the same id in two places is not two ids', () => {
    const baseline = state(['a', '3f2b8c1e9d7a4f60'], ['b', '3f2b8c1e9d7a4f60']);
    expect(compare(baseline, state(['a', '9a8b7c6d5e4f3a2b'], ['b', '9a8b7c6d5e4f3a2b']))).toEqual([]);
    expect(compare(baseline, state(['a', '9a8b7c6d5e4f3a2b'], ['b', '1a2b3c4d5e6f7a8b']))).toHaveLength(1);
    expect(compare(baseline, state(['a', '3f2b8c1e9d7a4f60'], ['b', '1a2b3c4d5e6f7a8b']))).toHaveLength(1);
  });
  it('words, numbers, versions and codes are not ids', () => {
    for (const [a, b] of [['pending', 'complete'], ['1234', '1235'], ['v1.2.3', 'v1.2.4'], ['ABC12345', 'ABC12346'], ['not_found', 'forbidden'], ['customerName', 'supplierName']] as const) {
      expect(compare(state(['k', a]), state(['k', b])), `${a} ${b}`).toHaveLength(1);
    }
  });
  it('an id of another shape is a difference', () => {
    expect(compare(state(['k', '3f2b8c1e9d7a4f60']), state(['k', '0b6d2b1c-3b1e-4c6f-9a6e-3f2b8c1e9d7a']))).toHaveLength(1);
    expect(compare(state(['k', '3f2b8c1e9d7a4f60']), state(['k', '3f2b8c1e9d7a4f603f2b8c1e']))).toHaveLength(1);
  });
  it('decimal ids only where control runs differ', () => {
    const [a, b] = [state(['order:48213', 'x'], ['last', '48213']), state(['order:90124', 'x'], ['last', '90124'])];
    expect(compare(a, b)).not.toEqual([]);
    expect(compare(a, b, { decimalAt: () => true })).toEqual([]);
    expect(compare(a, state(['order:90124', 'x'], ['last', '90125']), { decimalAt: () => true })).not.toEqual([]);
  });
  it('signed tokens: claims are compared, the signature only when they are equal', () => {
    const jwt = (claims: object, signature: string): string => `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const answer = (text: string): CaseOutcome => outcomeOf({ response: jsonResponse({ token: text }), effects: [effectOf('tokens', setOf(text))] });
    const [jtiA, jtiB] = ['0b6d2b1c-3b1e-4c6f-9a6e-3f2b8c1e9d7a', '7c1e2f3a-9b8d-4e5f-8a7b-1c2d3e4f5a6b'];
    expect(compare(answer(jwt({ sub: 'u', jti: jtiA }, 'aB3dE5fG7hJ9')), answer(jwt({ sub: 'u', jti: jtiB }, 'q1W2e3R4t5Y6')))).toEqual([]);
    expect(compare(answer(jwt({ sub: 'u', jti: jtiA }, 'aB3dE5fG7hJ9')), answer(jwt({ sub: 'admin', jti: jtiB }, 'q1W2e3R4t5Y6')))).toContain('response $.response.body.token.payload.sub');
    expect(compare(answer(jwt({ sub: 'u' }, 'aB3dE5fG7hJ9')), answer(jwt({ sub: 'u' }, 'q1W2e3R4t5Y6')))).toContain('response $.response.body.token.signature');
  });
});

describe('tokens', () => {
  it('are found between separators, with a shared prefix left out', () => {
    expect(tokenPairs('/orders/ord_aB3dE5fG7h/x', '/orders/ord_q1W2e3R4t5/x')).toEqual([{ baseline: 'aB3dE5fG7h', candidate: 'q1W2e3R4t5', decimal: false }]);
    expect(tokenPairs('s:aB3dE5fG7h.kL/1mN2+oP3q=', 's:q1W2e3R4t5.Zz9yX8wV7u6T=')).toHaveLength(2);
    expect(tokenPairs('paid by aB3dE5fG7h', 'owed by q1W2e3R4t5')).toEqual([]);
    // one id with something else behind it, which is not generated
    expect(tokenPairs('53aa2ed0296e-64', '53aa2ed0296e-128')).toEqual([]);
    expect(tokenPairs('0192f3a4-7b1c-7def-8a12-3b4c5d6e7f80', '0192f3a4-7b1d-7abc-9a12-000c5d6e7f80')).toHaveLength(1);
    expect(tokenPairs('2026-01-01T10:00:00.123Z', '2026-01-02T11:00:00.456Z')).toEqual([]);
  });
  it('in names are moments too', () => {
    const pair = (a: string, b: string): string => namePairs(a, b).map(({ baseline, candidate }) => `${baseline} ${candidate}`).join();
    expect(pair('log:2026-01-01T10:00:00.123Z', 'log:2026-01-01T10:00:01.456Z')).toBe('2026-01-01T10:00:00.123Z 2026-01-01T10:00:01.456Z');
    expect(pair('log:1700000000.25:aB3dE5fG7h', 'log:1700000001.5:q1W2e3R4t5')).toBe('1700000000.25 1700000001.5,aB3dE5fG7h q1W2e3R4t5');
    expect(pair('log:2026-01-01T10:00:00Z:a', 'log:2026-01-01T10:00:01Z:b')).toBe('');
    expect(pair('log:2026-01-01T10:00:00Z', 'log:2026-01-01T10:00:01')).toBe('');
  });
  it('occur in a long text as in a short one', () => {
    const piece = fc.constantFrom('ab', 'c1', 'ab1', '-', '_', ':', ' ', 'é');
    const piecesOf = (most: number): fc.Arbitrary<string> => fc.array(piece, { minLength: 1, maxLength: most }).map((pieces) => pieces.join(''));
    fc.assert(fc.property(piecesOf(12), fc.array(piecesOf(3), { minLength: 12, maxLength: 20 }), (text, tokens) => {
      const { has } = new Occurrences(text);
      expect(tokens.map(has)).toEqual(tokens.map((token) => occursIn(text, token)));
    }));
  });
  it('are replaced where they stand on their own, all at once', () => {
    expect(replacer(new Map([['ab', 'cd'], ['cd', 'ab']]))('ab-cd xab')).toBe('cd-ab xab');
    expect(occursIn('x12345 ', '12345')).toBe(false);
    expect(occursIn('x:12345', '12345')).toBe(true);
  });
});
