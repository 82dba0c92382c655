import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { byteString, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import type { ElementValue } from '../model/element.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { CaseOutcome, Effect, ExpiryEffect, Run } from '../model/run.ts';
import { buildReport } from './build-report.ts';
import { effectOf, jsonResponse, outcomeOf } from './outcome.ts';

const record: RequestRecord = {
  kind: 'request', id: 'r1', position: 1, endPosition: 2, at: 1_700_000_000_000, durationMs: 1, lane: '0', attribution: 'lane', seed: '0'.repeat(32),
  request: { method: 'POST', target: '/things', headers: [], body: null }, response: null, touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [],
};

async function verdictOn(baseline: CaseOutcome, second: CaseOutcome, candidate: CaseOutcome): Promise<string | undefined> {
  const run = (outcome: CaseOutcome): Run => ({ kind: 'run', formatVersion: 1, label: '', startedAt: 0, durationMs: 1000, mode: 'process', lanes: 1, concurrency: 1, outcomes: [outcome], notes: [] });
  const report = await buildReport({
    requests: [record], controls: [run(baseline), run(second)], candidate: run(candidate),
    payload: () => Promise.resolve(new Uint8Array()), chains: new Map(), labels: { baseline: 'v1', candidate: 'v2' }, createdAt: 0,
  });
  return report.cases[0]?.verdict;
}

const words = ['cart', 'draft', 'paid', 'a b', 'Ünïcode', '', '12', 'true'];
const word = fc.constantFrom(...words);
const id = fc.oneof(fc.uuid({ version: 4 }), fc.stringMatching(/^[A-Za-z][0-9][A-Z][a-z][0-9][A-Z][a-z]{2}[0-9][A-Za-z]$/), fc.stringMatching(/^[A-Za-z0-9_-]{8}$/));
const json = fc.record({ name: word, count: fc.integer({ min: 0, max: 99 }), id, tags: fc.array(word, { maxLength: 3 }) }).map((value) => utf8ByteString(JSON.stringify(value)));
const bytes: fc.Arbitrary<ByteString> = fc.oneof(
  word.map(utf8ByteString), id, json, fc.uint8Array({ minLength: 1, maxLength: 20 }).map(byteString),
  json.map((text) => byteString(gzipSync(Buffer.from(text, 'latin1')))),
  json.map((text) => `eyJhbGciOiJIUzI1NiJ9.${Buffer.from(text, 'latin1').toString('base64url')}.c2lnbmF0dXJl`),
  word.map((name) => `Error: ${utf8ByteString(name)}\n    at add (/app/cart.js:12:34)`),
);
const value: fc.Arbitrary<ElementValue> = fc.oneof(
  bytes.map((text): ElementValue => ({ type: 'string', value: text })),
  fc.uniqueArray(fc.tuple(fc.oneof(word, id).map(utf8ByteString), bytes), { minLength: 1, maxLength: 4, selector: ([field]) => field }).map((fields): ElementValue => ({ type: 'hash', fields })),
  fc.uniqueArray(bytes, { minLength: 1, maxLength: 4 }).map((members): ElementValue => ({ type: 'set', members })),
  fc.array(bytes, { minLength: 1, maxLength: 4 }).map((items): ElementValue => ({ type: 'list', items })),
  fc.uniqueArray(fc.tuple(bytes, fc.integer({ min: 0, max: 9 })), { minLength: 1, maxLength: 4, selector: ([member]) => member }).map((members): ElementValue => ({ type: 'zset', members })),
);
const expiry: fc.Arbitrary<ExpiryEffect | null> = fc.oneof(fc.constant(null), fc.integer({ min: 1000, max: 100_000 }).map((ms) => ({ kind: 'relative', ms }) as const));
const effect = fc.record({ name: fc.tuple(word, fc.oneof(word, id)).map((parts) => parts.join(':')), value, expiry }).map(({ name, value: after, expiry: set }): Effect => {
  const made = effectOf(name, after, { expiry: set });
  const parts = after.type === 'hash' ? after.fields.map(([field]) => field) : after.type === 'set' ? after.members : after.type === 'zset' ? after.members.map(([member]) => member) : [];
  return { ...made, parts };
});
const effects = fc.uniqueArray(effect, { minLength: 1, maxLength: 5, selector: ({ key }) => key });
const outcome = fc.record({ effects, id, at: fc.integer({ min: 0, max: 50 }) }).map(({ effects: written, id: made, at }) => ({ written, made, at }));
const outcomeWith = (written: readonly Effect[], made: string): CaseOutcome => outcomeOf({ id: 'r1', response: jsonResponse({ id: made }), effects: written });
const pick = fc.nat({ max: 1000 });

/** The value with one thing in it that is another, which no generator made. */
function changed(given: ElementValue, at: number): ElementValue {
  const other = (text: ByteString): ByteString => `${text}, more`;
  const replace = <T>(list: readonly T[], change: (item: T) => T): T[] => list.map((item, index) => (index === at % list.length ? change(item) : item));
  switch (given.type) {
    case 'string': return { ...given, value: other(given.value) };
    case 'hash': return { ...given, fields: replace(given.fields, ([field, text]) => [field, other(text)] as const) };
    case 'set': return { ...given, members: replace(given.members, other) };
    case 'list': return { ...given, items: replace(given.items, other) };
    case 'zset': return { ...given, members: replace(given.members, ([member, score]) => [member, score + 1] as const) };
    case 'stream': return given;
  }
}

it('equal outcomes are the same', async () => {
  await fc.assert(fc.asyncProperty(outcome, async ({ written, made }) => {
    const all = outcomeWith(written, made);
    expect(await verdictOn(all, outcomeWith([...written].reverse(), made), outcomeWith([...written].reverse(), made))).toBe('same');
  }));
});

it('a stored value that changed, a write that was dropped, another expiry are differences, also where ids differ from run to run', async () => {
  await fc.assert(fc.asyncProperty(outcome, id, id, pick, async ({ written, made }, second, third, at) => {
    fc.pre(new Set([made, second, third]).size === 3);
    const index = at % written.length;
    const chosen = written[index] as Effect;
    const replaced = (effectThere: Effect | undefined): CaseOutcome => outcomeWith(written.flatMap((one, place) => (place === index ? effectThere ?? [] : one)), third);
    const verdict = (candidate: CaseOutcome): Promise<string | undefined> => verdictOn(outcomeWith(written, made), outcomeWith(written, second), candidate);
    const after = { value: changed((chosen.after as NonNullable<Effect['after']>).value, at), expiresAtMs: null };
    const parts = after.value.type === 'set' ? after.value.members : chosen.parts;
    expect(await verdict(replaced({ ...chosen, after, parts }))).toBe('differs');
    expect(await verdict(replaced(undefined))).toBe('differs');
    expect(await verdict(replaced({ ...chosen, expiry: chosen.expiry === null ? { kind: 'relative', ms: 5000 } : { kind: 'relative', ms: 2 * (chosen.expiry as { ms: number }).ms } }))).toBe('differs');
    expect(await verdict(replaced({ ...chosen, expiry: chosen.expiry === null ? { kind: 'absolute', ms: 5000 } : null }))).toBe('differs');
  }));
});
