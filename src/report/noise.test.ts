import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentHash } from '../lib/content-hash.ts';
import { bytesOf, utf8ByteString } from '../lib/bytes.ts';
import type { RequestRecord } from '../model/recording.ts';
import type { Report } from '../model/report.ts';
import type { CaseOutcome, Run } from '../model/run.ts';
import { buildReport, type ReportInput } from './build-report.ts';
import { effectOf, hashOf, jsonResponse, outcomeOf, setOf, stringOf } from './outcome.ts';

const payloads = new Map<string, Uint8Array>();

function record(id: string, target: string, recordedBody: unknown): RequestRecord {
  const bytes = bytesOf(utf8ByteString(JSON.stringify(recordedBody)));
  const hash = contentHash(bytes);
  payloads.set(hash, bytes);
  return {
    kind: 'request', id, position: 1, endPosition: 2, at: 1_700_000_000_000, durationMs: 1, lane: '0', attribution: 'lane', seed: '0'.repeat(32),
    request: { method: 'GET', target, headers: [], body: null },
    response: { status: 200, headers: [['content-type', 'application/json']], body: { hash, sizeBytes: bytes.length } },
    touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [],
  };
}

function run(outcomes: readonly CaseOutcome[], given: Partial<Run> = {}): Run {
  return { kind: 'run', formatVersion: 1, label: '', startedAt: 0, durationMs: 1000, mode: 'process', lanes: 1, concurrency: 1, outcomes, notes: [], ...given };
}

type Bodies = readonly unknown[];
const outcomes = (bodies: Bodies): CaseOutcome[] => bodies.map((body, index) => outcomeOf({ id: `r${index}`, response: jsonResponse(body) }));

function report(bodies: { first: Bodies; second: Bodies; candidate: Bodies }, given: Partial<ReportInput> = {}): Promise<Report> {
  return buildReport({
    requests: bodies.first.map((body, index) => record(`r${index}`, `/things/${index}`, body)),
    controls: [run(outcomes(bodies.first)), run(outcomes(bodies.second))], candidate: run(outcomes(bodies.candidate)),
    payload: (hash) => Promise.resolve(payloads.get(hash) as Uint8Array), chains: new Map(), labels: { baseline: 'v1', candidate: 'v2' }, createdAt: 0, ...given,
  });
}

const verdictsOf = (built: Report): string[] => built.cases.map((entry) => entry.verdict);
const iso = (ms: number): string => new Date(1_700_000_000_000 + ms).toISOString();

describe('noise', () => {
  it('hides what control runs show, in its class and with a count', async () => {
    const built = await report({
      first: [{ at: iso(0), n: 1 }], second: [{ at: iso(1500), n: 1 }], candidate: [{ at: iso(900), n: 1 }],
    });
    expect(verdictsOf(built)).toEqual(['noise']);
    expect(built.noise).toEqual([{ path: '$.response.body.at', valueClass: 'timestamp', hid: 1, route: 'GET /things/:id', origin: 'control' }]);
    expect(built.assertedShare).toBeCloseTo(1 - 1 / 4); // status, content type, at, n
  });
  it('still asserts the class: a moment a day later, an epoch, a null', async () => {
    for (const at of [iso(86_400_000), 1_700_000_000, null, 'soon']) {
      expect(verdictsOf(await report({ first: [{ at: iso(0) }], second: [{ at: iso(1500) }], candidate: [{ at }] })), String(at)).toEqual(['differs']);
    }
  });
  it('holds for other cases of the route, and for no other path', async () => {
    const built = await report({ first: [{ at: iso(0), b: iso(0) }, { at: iso(0) }], second: [{ at: iso(9), b: iso(0) }, { at: iso(0) }], candidate: [{ at: iso(0), b: 'x' }, { at: iso(7) }] });
    expect(verdictsOf(built)).toEqual(['differs', 'noise']);
  });
  it('lists rules that hid nothing', async () => {
    const built = await report({ first: [{ n: 0.5 }], second: [{ n: 0.7 }], candidate: [{ n: 0.5 }] });
    expect(built.noise).toMatchObject([{ path: '$.response.body.n', valueClass: 'number', hid: 0 }]);
    expect(verdictsOf(built)).toEqual(['same']);
  });
  it('takes the order of a list for noise where control runs reorder it, and only there', async () => {
    const lists = { first: [{ a: [1, 2, 3], b: [1, 2] }], second: [{ a: [3, 1, 2], b: [1, 2] }] };
    expect(verdictsOf(await report({ ...lists, candidate: [{ a: [2, 3, 1], b: [1, 2] }] }))).toEqual(['noise']);
    expect(verdictsOf(await report({ ...lists, candidate: [{ a: [2, 3, 4], b: [1, 2] }] }))).toEqual(['differs']);
    expect(verdictsOf(await report({ ...lists, candidate: [{ a: [1, 2, 3], b: [2, 1] }] }))).toEqual(['differs']);
  });
  it('never covers a whole body', async () => {
    const built = await report({ first: ['tree'], second: ['house'], candidate: ['car'] });
    expect(built.noise).toEqual([]);
    expect(verdictsOf(built)).toEqual(['inconclusive']);
    expect(built.cases[0]?.problems).toMatchObject([{ code: 'baseline_unstable' }]);
  });
  it('says inconclusive where the baseline differs from itself in structure, differs where the candidate does elsewhere', async () => {
    expect(verdictsOf(await report({ first: [{ a: 1, b: 2 }], second: [{ a: 1 }], candidate: [{ a: 1 }] }))).toEqual(['inconclusive']);
    expect(verdictsOf(await report({ first: [{ a: 1, b: 2 }], second: [{ a: 1 }], candidate: [{ a: 3, b: 2 }] }))).toEqual(['differs']);
  });
  it('never hides a change of type', async () => {
    const value = fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string().filter((text) => !/^\s*[[{]/.test(text)), fc.boolean(), fc.constant(null), fc.date({ noInvalidDate: true }).map((date) => date.toISOString()), fc.uuid());
    const jsonType = (found: unknown): string => (found === null ? 'null' : typeof found);
    await fc.assert(fc.asyncProperty(value, value, value, async (a, b, c) => {
      fc.pre(jsonType(a) !== jsonType(c));
      const [verdict] = verdictsOf(await report({ first: [{ v: a }], second: [{ v: b }], candidate: [{ v: c }] }));
      expect(['differs', 'inconclusive']).toContain(verdict);
      if (jsonType(a) === jsonType(b)) expect(verdict).toBe('differs');
    }), { numRuns: 200 });
  });
  it('allows generated decimal ids where control runs generate them, if they stand consistently', async () => {
    const made = (id: string, wrong = id): CaseOutcome => outcomeOf({ id: 'r0', response: jsonResponse({ id: Number(id) }), effects: [effectOf(`order:${wrong}`, hashOf({ id }), { parts: ['id'] })] });
    const given = (candidate: CaseOutcome, second: CaseOutcome): Promise<Report> => report({ first: [{ id: 1 }], second: [], candidate: [] }, { controls: [run([made('48213')]), run([second])], candidate: run([candidate]) });
    expect(verdictsOf(await given(made('77120'), made('90124')))).toEqual(['same']);
    expect(verdictsOf(await given(made('77120', '77121'), made('90124')))).toEqual(['differs']);
    expect(verdictsOf(await given(made('77120'), made('48213')))).toEqual(['differs']);
  });
  it('learns from control runs where short ids are generated, which must stand consistently all the same', async () => {
    const made = (id: string, given: { elsewhere?: string; to?: string } = {}): CaseOutcome => outcomeOf({
      id: 'r0', response: jsonResponse({ id }), effects: [effectOf(`l:${given.elsewhere ?? id}`, stringOf(given.to ?? 'x')), effectOf('last', stringOf(id))],
    });
    const given = async (candidate: CaseOutcome, second = made('q1W2e3')): Promise<string[]> => verdictsOf(await report({ first: [{}], second: [], candidate: [] }, { controls: [run([made('aB3dE5')]), run([second])], candidate: run([candidate]) }));
    expect(await given(made('Zz9yX8'))).toEqual(['same']);
    expect(await given(made('Zz9yX8', { elsewhere: 'Zz9yX9' }))).toEqual(['differs']);
    expect(await given(made('Zz9yX8', { to: 'y' }))).toEqual(['differs']);
    expect(await given(made('failed'))).toEqual(['same']); // an id all the same: it stands wherever the baseline's does
    expect(await given(made('Zz9yX8'), made('aB3dE5'))).toEqual(['differs']);
  });
  it('hides of a binary value the bytes that differ between control runs, and compares the others', async () => {
    const made = (random: string, rest = 'admin'): CaseOutcome => outcomeOf({ id: 'r0', effects: [effectOf('session', { type: 'string', value: `\x80\x04${random}${rest}` })] });
    const given = (candidate: CaseOutcome, second = made('\xee\xff\x11\x22')): Promise<Report> => report({ first: [{}], second: [], candidate: [] }, { controls: [run([made('\xaa\xbb\xcc\xdd')]), run([second])], candidate: run([candidate]) });
    expect(verdictsOf(await given(made('\x01\x02\x03\x04')))).toEqual(['noise']);
    expect(verdictsOf(await given(made('\x01\x02\x03\x04', 'Admin')))).toEqual(['differs']);
    expect(verdictsOf(await given(made('\x01\x02\x03\x04', 'admins')))).toEqual(['differs']);
    expect((await given(made('\x01\x02\x03\x04'))).notes).toEqual(['$.writes[\'redis:0/session\'].value (GET /things/:id) is binary and differs between control runs: 37 % of its bytes are noise, the others are compared']);
    const other = made('\x01\x02');
    expect(verdictsOf(await given(made('\x05'), other))).toEqual(['noise']);
    expect((await given(made('\x05'), other)).notes[0]).toContain('all of it is noise');
    const differing = (await given(made('\x01\x02\x03\x04', 'Admin'))).cases[0]?.differences[0];
    expect([differing?.baseline, differing?.candidate]).toEqual(['11 bytes, from byte 2 on: aa bb cc dd 61 64 6d 69 6e', '11 bytes, from byte 2 on: 01 02 03 04 41 64 6d 69 6e']);
  });
  it('tells a digest that control runs repeat from an id, where randomness does not repeat', async () => {
    const bodies = (digest: string, id: string): unknown => ({ digest, id });
    const [a, b] = ['3f2b8c1e9d7a4f60', '9a8b7c6d5e4f3a2b'];
    const ids = ['aB3dE5fG7hJ9', 'q1W2e3R4t5Y6', 'Zz9yX8wV7u6T'] as const;
    expect(verdictsOf(await report({ first: [bodies(a, ids[0])], second: [bodies(a, ids[1])], candidate: [bodies(a, ids[2])] }))).toEqual(['same']);
    expect(verdictsOf(await report({ first: [bodies(a, ids[0])], second: [bodies(a, ids[1])], candidate: [bodies(b, ids[2])] }))).toEqual(['differs']);
  });
  it('bounds the jitter of times to live to two per cent', async () => {
    const made = (ms: number): CaseOutcome => outcomeOf({ id: 'r0', effects: [effectOf('s', stringOf('v'), { expiry: { kind: 'relative', ms } })] });
    const given = async (candidate: number): Promise<string[]> => verdictsOf(await report({ first: [{}], second: [], candidate: [] }, { controls: [run([made(3_600_000)]), run([made(3_599_000)])], candidate: run([made(candidate)]) }));
    expect(await given(3_598_500)).toEqual(['noise']);
    expect(await given(3_500_000)).toEqual(['differs']);
  });
  it('takes moments for jitter where control runs showed some elsewhere, but not moments that were there before', async () => {
    const jitter = { first: [{ at: 1_700_000_000_000, b: 1_700_000_000_005 }], second: [{ at: 1_700_000_000_003, b: 1_700_000_000_005 }] };
    expect(verdictsOf(await report({ ...jitter, candidate: [{ at: 1_700_000_000_000, b: 1_700_000_000_009 }] }))).toEqual(['noise']);
    const still = { first: [{ b: 1_700_000_000_005 }], second: [{ b: 1_700_000_000_005 }] };
    expect(verdictsOf(await report({ ...still, candidate: [{ b: 1_700_000_000_009 }] }))).toEqual(['differs']);
  });
});

describe('clocks that go on while a case runs', () => {
  const now = 1_700_000_000; // when the request came, in seconds
  const made = (value: { second: number; member?: string; key?: string; session?: number }): CaseOutcome => outcomeOf({
    id: 'r0', response: jsonResponse({ at: value.second, session: value.session ?? 0 }), timing: { stateWaitMs: 0, totalMs: 40, faults: 0 },
    effects: [
      effectOf(`rate:${value.key ?? now}`, stringOf('1')),
      effectOf('hits', { type: 'zset', members: [[utf8ByteString(value.member ?? `${now}000`), value.second]] }, { parts: [utf8ByteString(value.member ?? `${now}000`)] }),
    ],
  });
  const given = async (candidate: CaseOutcome, settings: { clock?: 'case' | 'real'; seeded?: boolean } = {}): Promise<string[]> => {
    const { clock = 'case', seeded = false } = settings;
    return verdictsOf(await report({ first: [{}], second: [], candidate: [] }, {
      seeded, controls: [run([made({ second: now })], { clock }), run([made({ second: now })], { clock })], candidate: run([candidate], { clock, startedAt: 60_000 }),
    }));
  };

  it('explain moments in values and in names, also where control runs happened to agree', async () => {
    expect(await given(made({ second: now + 1 }))).toEqual(['noise']);
    expect(await given(made({ second: now, member: `${now}012` }))).toEqual(['same']);
    expect(await given(made({ second: now, key: String(now + 1) }))).toEqual(['same']);
  });
  it('explain moments in names however they are written', async () => {
    const at = (seconds: number): string => new Date((now + seconds) * 1000).toISOString();
    expect(await given(made({ second: now, key: at(1) }))).toEqual(['differs']); // a moment for a number
    const written = async (key: string, other: string): Promise<string[]> => verdictsOf(await report({ first: [{}], second: [], candidate: [] }, {
      seeded: false, controls: [run([made({ second: now, key })], { clock: 'case' }), run([made({ second: now, key })], { clock: 'case' })], candidate: run([made({ second: now, key: other })], { clock: 'case' }),
    }));
    expect(await written(at(0), at(1))).toEqual(['same']);
    expect(await written(`${now}.25:a`, `${now + 1}.125:a`)).toEqual(['same']);
    expect(await written(at(0), at(5))).toEqual(['differs']);
    expect(await written(`${now}.25:a`, `${now + 1}.125:b`)).toEqual(['differs']);
  });
  it('explain no more than a case lasts', async () => {
    expect(await given(made({ second: now + 5 }))).toEqual(['differs']);
    expect(await given(made({ second: now, member: `${now + 5}000` }))).toEqual(['differs']);
    expect(await given(made({ second: now, key: String(now + 5) }))).toEqual(['differs']);
    expect(await given(made({ second: now, session: now + 3600 }))).toEqual(['differs']);
  });
  it('explain nothing where they stand still', async () => {
    expect(await given(made({ second: now + 1 }), { seeded: true })).toEqual(['differs']);
    expect(await given(made({ second: now, member: `${now}012` }), { seeded: true })).toEqual(['differs']);
  });
  it('explain the time between a run that has the time of each request and one that has the real one, even where randomness repeats', async () => {
    const laterSeconds = 5_000_000;
    const inRealTime = async (seconds: number, seeded: boolean): Promise<string[]> => verdictsOf(await report({ first: [{}], second: [], candidate: [] }, {
      seeded, controls: [run([made({ second: now })], { clock: 'case' }), run([made({ second: now })], { clock: 'case' })],
      candidate: run([made({ second: now + seconds + 1, member: `${now + seconds}100`, key: String(now + seconds) })], { clock: 'real', startedAt: (now + laterSeconds) * 1000 }),
    }));
    for (const seeded of [false, true]) expect(await inRealTime(laterSeconds, seeded)).toEqual(['noise']);
    expect(await inRealTime(laterSeconds + 3600, false)).toEqual(['differs']);
  });
  it('explain the time between two runs that have the real one', async () => {
    expect(await given(made({ second: now + 61, member: `${now + 60}100`, key: String(now + 60) }), { clock: 'real' })).toEqual(['noise']);
    expect(await given(made({ second: now + 3600 }), { clock: 'real' })).toEqual(['differs']);
  });
});

describe('user rules', () => {
  const bodies = { first: [{ a: 1, tags: ['x', 'y'], list: [{ p: 1 }] }], second: [{ a: 1, tags: ['x', 'y'], list: [{ p: 1 }] }], candidate: [{ a: 2, tags: ['y', 'x'], list: [{ p: 1 }] }] };
  it('ignore and unordered, each counted', async () => {
    const built = await report(bodies, { rules: { ignore: ['$.response.body.a', '$..nothing'], unordered: ['$.response.body.tags'] } });
    expect(verdictsOf(built)).toEqual(['noise']);
    expect(built.noise.filter((rule) => rule.origin === 'config').map((rule) => rule.hid)).toEqual([1, 0]);
  });
  it('ignore state keys by template or by name, and items by filter', async () => {
    const made = (value: string): CaseOutcome => outcomeOf({ id: 'r0', effects: [effectOf('lock:17', stringOf(value)), effectOf('m', setOf('a'), { parts: ['a'] })] });
    const given = async (ignore: string): Promise<string[]> => verdictsOf(await report({ first: [{}], second: [], candidate: [] }, { controls: [run([made('1')]), run([made('1')])], candidate: run([made('2')]), rules: { ignore: [ignore] } }));
    expect(await given('$.writes[\'redis:0/lock:*\']')).toEqual(['noise']);
    expect(await given('$.writes[\'redis:0/lock:17\'].value')).toEqual(['noise']);
    expect(await given('$.writes[\'redis:0/other:*\']')).toEqual(['differs']);
    const items = { first: [{ l: [{ k: 'a', v: 1 }, { k: 'b', v: 1 }] }], second: [{ l: [{ k: 'a', v: 1 }, { k: 'b', v: 1 }] }], candidate: [{ l: [{ k: 'a', v: 2 }, { k: 'b', v: 1 }] }] };
    expect(verdictsOf(await report(items, { rules: { ignore: ['$.response.body.l[?@.k == "a"].v'] } }))).toEqual(['noise']);
    expect(verdictsOf(await report(items, { rules: { ignore: ['$.response.body.l[?@.k == "b"].v'] } }))).toEqual(['differs']);
    expect(verdictsOf(await report(items, { rules: { ignore: ['$.response.body.l[*].v'] } }))).toEqual(['noise']);
  });
  it('refuses what is not a JSONPath', async () => {
    await expect(report(bodies, { rules: { ignore: ['response.body'] } })).rejects.toMatchObject({ code: 'config_invalid' });
    await expect(report(bodies, { rules: { ignore: ['$'] } })).rejects.toMatchObject({ code: 'config_invalid' });
  });
});
