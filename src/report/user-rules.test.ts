import { describe, expect, it, vi } from 'vitest';
import { compareDocuments } from './compare.ts';
import { documentOf } from './document.ts';
import { effectOf, jsonResponse, outcomeOf, setOf, stringOf } from './outcome.ts';
import { learnTemplates } from './templates.ts';
import { UserRules } from './user-rules.ts';

const outcome = (value: string, many = 3): ReturnType<typeof documentOf> => documentOf(outcomeOf({
  response: jsonResponse({ list: Array.from({ length: many }, (_, n) => ({ n, v: n === 1 ? null : `${value} ${n}`, w: value })) }),
  effects: [
    effectOf('k:17', stringOf(value), { expiry: { kind: 'relative', ms: value.length * 1000 } }),
    effectOf('s', setOf(value), { parts: [value] }),
  ],
}));

/** Places that a rule leaves as differences. */
function left(ignore: string, many?: number): string[] {
  const rules = new UserRules({ ignore: [ignore] }, learnTemplates([]));
  const comparison = compareDocuments(outcome('old', many), outcome('newer', many));
  return comparison.findings.filter((finding) => rules.ignoring(finding, comparison) === undefined).map(({ segments }) => segments.join('.'));
}

const all = left('$.nothing');

describe('rules of the user', () => {
  it('select places of either outcome, places that hold no value, and what is below', () => {
    expect(all).toHaveLength(9);
    const without = (pattern: RegExp): string[] => all.filter((place) => !pattern.test(place));
    expect(left('$.response.body.list[*].v')).toEqual(without(/\.v$/));
    expect(left('$.response.body.list[2]')).toEqual(without(/list\.2/));
    expect(left('$.writes[\'redis:0/k:*\'].expiry')).toEqual(without(/expiry/));
    expect(left('$.writes[\'redis:0/k:17\']')).toEqual(without(/k:17/));
    expect(left('$.writes[\'redis:0/s\'].members[*]')).toEqual(without(/members/));
    expect(left('$.response.body.list[?@.v == "newer 2"].w')).toEqual(without(/list\.2\.w/));
    expect(left('$.response.body.list[?!@.n].w')).toEqual(all); // every item has an n
  });
  it('are asked once for each part of an outcome, however much differs in it', () => {
    const rules = new UserRules({ ignore: ['$.response.body.list[*].v', '$.writes..expiry'] }, learnTemplates([]));
    const asked = rules.ignore.map(({ query }) => vi.spyOn(query, 'query'));
    const comparison = compareDocuments(outcome('old', 500), outcome('newer', 500));
    expect(comparison.findings.filter((finding) => rules.ignoring(finding, comparison) !== undefined)).toHaveLength(500);
    for (const spy of asked) expect(spy.mock.calls.length).toBeLessThan(20);
  });
});
