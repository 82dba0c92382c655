import { describe, expect, it } from 'vitest';
import { byteString, bytesOf, utf8ByteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import { encodeValue } from '../model/element-codec.ts';
import type { Chain, RequestRecord, Revision } from '../model/recording.ts';
import { verdicts, type Report } from '../model/report.ts';
import type { CaseOutcome, CaseProblem, Run } from '../model/run.ts';
import { buildReport, type ReportInput } from './build-report.ts';
import { jsonReport, parseReport } from './json.ts';
import { junitReport } from './junit.ts';
import { callOf, effectOf, jsonResponse, outcomeOf, stringOf } from './outcome.ts';
import { terminalReport } from './terminal.ts';

const payloads = new Map<string, Uint8Array>();
const keep = (bytes: Uint8Array): { hash: string; sizeBytes: number } => {
  const hash = contentHash(bytes);
  payloads.set(hash, bytes);
  return { hash, sizeBytes: bytes.length };
};

function record(id: string, body: unknown, given: Partial<RequestRecord> = {}): RequestRecord {
  return {
    kind: 'request', id, position: 1, endPosition: 2, at: 1_700_000_000_000, durationMs: 1, lane: '0', attribution: 'lane', seed: '0'.repeat(32),
    request: { method: 'GET', target: `/carts/${id}\u001b[31m<x>`, headers: [], body: null },
    response: { status: 200, headers: [['content-type', 'application/json']], body: keep(bytesOf(utf8ByteString(JSON.stringify(body)))) },
    touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [], ...given,
  };
}

function run(outcomes: readonly CaseOutcome[]): Run {
  return { kind: 'run', formatVersion: 1, label: '', startedAt: 0, durationMs: 1000, mode: 'process', lanes: 1, concurrency: 1, outcomes, notes: [] };
}

const answer = (id: string, body: unknown, given: Partial<CaseOutcome> = {}): CaseOutcome => outcomeOf({ id, response: jsonResponse(body), ...given });
const unknownRead: CaseProblem = { code: 'unknown_read', message: 'redis:0/k is not known', key: 'redis:0/k' };

function build(requests: readonly RequestRecord[], baseline: readonly CaseOutcome[], candidate: readonly CaseOutcome[], given: Partial<ReportInput> = {}): Promise<Report> {
  return buildReport({
    requests, controls: [run(baseline), run(baseline)], candidate: run(candidate), payload: (hash) => Promise.resolve(payloads.get(hash) as Uint8Array),
    chains: new Map(), labels: { baseline: 'v1', candidate: 'v2' }, createdAt: 0, ...given,
  });
}

describe('verdicts', () => {
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5', 'r6', 'r7', 'r8'];
  const requests = ids.map((id) => record(id, { a: 1 }));
  const baseline = ids.map((id) => (id === 'r8' ? answer(id, { a: 1 }, { problems: [unknownRead] }) : id === 'r7' ? outcomeOf({ id, status: 'error', problems: [{ code: 'timeout', message: 'no answer' }] }) : answer(id, { a: 1 })));
  const candidate = [
    answer('r1', { a: 1 }), answer('r2', { a: 2 }), answer('r3', { a: 2 }, { problems: [unknownRead] }),
    outcomeOf({ id: 'r4', status: 'error', problems: [{ code: 'no_response', message: 'it closed' }] }), outcomeOf({ id: 'r5', status: 'not_run' }),
    answer('r7', { a: 1 }), answer('r8', { a: 2 }, { problems: [unknownRead] }),
  ];
  it('every request has exactly one, and the totals add up', async () => {
    const report = await build(requests, baseline, candidate);
    expect(report.cases.map((entry) => `${entry.id} ${entry.verdict}`)).toEqual(['r1 same', 'r2 differs', 'r3 inconclusive', 'r4 error', 'r5 not_run', 'r6 not_run', 'r7 inconclusive', 'r8 differs']);
    expect(report.cases[6]?.problems[0]?.code).toBe('baseline_unstable');
    expect(verdicts.reduce((sum, verdict) => sum + report.totals[verdict], 0)).toBe(report.requests);
    expect(report.assertedShare).toBe(1);
  });
  it('late commands explain missing writes and no answer', async () => {
    const late = { problems: [{ code: 'late_command', message: 'a command came after the case' }] };
    const wrote = answer('r1', { a: 1 }, { effects: [effectOf('k', stringOf('v'))] });
    const report = await build(requests.slice(0, 2), [wrote, answer('r2', { a: 1 })], [answer('r1', { a: 1 }, late), answer('r2', { a: 2 }, late)]);
    expect(report.cases.map((entry) => entry.verdict)).toEqual(['inconclusive', 'differs']);
  });
  it('a call that nobody can answer was asked for all the same', async () => {
    const unknown = { problems: [{ code: 'unknown_call', message: 'called GET /v2/prices' }] };
    const asked = (id: string, target: string, given: Partial<CaseOutcome> = {}, body: unknown = { a: 1 }): CaseOutcome => answer(id, body, { calls: [callOf('GET', target)], ...given });
    const report = await build(requests.slice(0, 2), [asked('r1', '/v1/prices'), asked('r2', '/v1/prices')], [asked('r1', '/v2/prices', unknown), asked('r2', '/v1/prices', unknown, { a: 2 })]);
    expect(report.cases.map((entry) => entry.verdict)).toEqual(['differs', 'inconclusive']);
  });
  it('an accepted outcome is the baseline of its request', async () => {
    const report = await build(requests.slice(0, 1), [answer('r1', { a: 1 })], [answer('r1', { a: 2 })], { accepted: new Map([['r1', answer('r1', { a: 2 })]]) });
    expect(report.totals.same).toBe(1);
  });
  it('groups by cause, over routes that differ in one name', async () => {
    const many = ['ann', 'bob', 'cid', 'dan'].map((name, index) => record(`r${index}`, { a: 1 }, { request: { method: 'GET', target: `/carts/${name}`, headers: [], body: null } }));
    const report = await build(many, many.map(({ id }) => answer(id, { a: 1 })), many.map(({ id }) => answer(id, { a: 2 })));
    expect(report.groups).toMatchObject([{ kind: 'response', route: 'GET /carts/*', path: '$.response.body.a', cases: ['r0', 'r1', 'r2', 'r3'] }]);
  });
  it('renames only ids that the request, the state read and the dependencies did not have', async () => {
    const [a, b] = ['3f2b8c1e9d7a4f60', '9a8b7c6d5e4f3a2b'];
    const value = keep(encodeValue(stringOf(`{"owner":"${a}"}`)));
    const revision: Revision = { kind: 'revision', key: 'redis:0/doc', revision: 1, hash: value.hash, sizeBytes: value.sizeBytes, expiresAtMs: null, position: 0, at: 0, by: null, cause: 'initial' };
    const chains = new Map<string, Chain>([['redis:0/doc', { key: 'redis:0/doc', revisions: [revision] }]]);
    const reads = record('r1', {}, { touches: [{ key: 'redis:0/doc', revision: 1, read: true, written: false }] });
    const verdict = async (request: RequestRecord): Promise<string | undefined> => (await build([request], [answer('r1', { owner: a })], [answer('r1', { owner: b })], { chains })).cases[0]?.verdict;
    expect(await verdict(reads)).toBe('differs');
    // looking whether a name is free yet does not make it an older one
    const free = (key: string): Revision => ({ ...revision, key, hash: null, sizeBytes: 0 });
    for (const id of [a, b]) chains.set(`redis:0/doc:${id}`, { key: `redis:0/doc:${id}`, revisions: [free(`redis:0/doc:${id}`)] });
    expect(await verdict(record('r1', {}, { touches: [{ key: `redis:0/doc:${a}`, revision: 1, read: true, written: true }] }))).toBe('same');
    expect(await verdict(record('r1', {}))).toBe('same');
    expect(await verdict(record('r1', {}, { request: { method: 'GET', target: `/owners/${b}`, headers: [], body: null } }))).toBe('differs');
  });
});

describe('ids that look like words', () => {
  const made = (id: string, slug: string, elsewhere = slug): CaseOutcome => answer(id, { slug }, { effects: [effectOf(`link:${elsewhere}`, stringOf('x'))] });
  const ids = ['r1', 'r2', 'r3', 'r4', 'r5'];
  const first = ['VPtSVvWG', 'On1qihoR', 'aB3dE5fG', 'q1W2e3R4', 'kDEysunZ'];
  const second = ['7wsvpjB4', 'Z5cxOt8t', '71V-Fyl_', 'NN919UMI', 'NSOd-kEA'];
  const requests = ids.map((id) => record(id, {}, { request: { method: 'POST', target: '/links', headers: [], body: null } }));
  const verdictsWith = async (last: CaseOutcome): Promise<string[]> => {
    const report = await build(requests, ids.map((id, index) => made(id, first[index] as string)), [...ids.slice(0, 4).map((id, index) => made(id, second[index] as string)), last]);
    return report.cases.map((entry) => entry.verdict);
  };
  it('are taken for ids where the other cases have shown that ids stand', async () => {
    expect(await verdictsWith(made('r5', 'NSOd-kEA'))).toEqual(['same', 'same', 'same', 'same', 'same']);
  });
  it('have to stand consistently all the same', async () => {
    expect((await verdictsWith(made('r5', 'NSOd-kEA', 'NSOd-kEB'))).at(-1)).toBe('differs');
    expect((await verdictsWith(made('r5', 'none'))).at(-1)).toBe('differs');
  });
});

describe('self-replay gate', () => {
  const revisionOf = (value: string, expiresAtMs: number | null): { chains: Map<string, Chain>; request: RequestRecord } => {
    const kept = keep(encodeValue(stringOf(value)));
    const revision: Revision = { kind: 'revision', key: 'redis:0/k', revision: 2, hash: kept.hash, sizeBytes: kept.sizeBytes, expiresAtMs, position: 1, at: 0, by: 'r1', cause: 'write' };
    return { chains: new Map([['redis:0/k', { key: 'redis:0/k', revisions: [revision] }]]), request: record('r1', { at: '2026-01-01T00:00:00Z', l: [1, 2] }, { writes: [{ key: 'redis:0/k', revision: 2 }] }) };
  };
  const gate = async (given: ReturnType<typeof revisionOf>, outcome: CaseOutcome): Promise<Report['gate']> => (await build([given.request], [outcome], [outcome], { chains: given.chains })).gate;
  const wrote = (value: string, expiresAtMs: number | null): CaseOutcome['effects'] => [effectOf('k', stringOf(value), { after: { value: stringOf(value), expiresAtMs } })];
  const at = 1_700_000_000_000;
  it('passes what the recording says, moments and order aside, with reasons', async () => {
    const result = await gate(revisionOf('v', at + 60_000), answer('r1', { at: '2026-02-01T00:00:00Z', l: [2, 1] }, { effects: wrote('v', at + 60_300) }));
    expect(result).toMatchObject({ reproduced: 1, of: 1, failures: [] });
    expect(result.allowances?.map((allowance) => allowance.reason).sort()).toEqual(['another moment', 'same items in another order']);
  });
  it('names what is not reproduced: another value, a missing write, another expiry, another answer', async () => {
    const same = { at: '2026-01-01T00:00:00Z', l: [1, 2] };
    expect((await gate(revisionOf('v', null), answer('r1', same, { effects: wrote('w', null) }))).failures[0]?.differences[0]?.kind).toBe('write_changed');
    expect((await gate(revisionOf('v', null), answer('r1', same))).failures[0]?.differences[0]?.kind).toBe('write_missing');
    expect((await gate(revisionOf('v', at + 60_000), answer('r1', same, { effects: wrote('v', null) }))).failures[0]?.differences[0]?.kind).toBe('expiry');
    expect((await gate(revisionOf('v', null), answer('r1', { ...same, l: [1, 2, 3] }, { effects: wrote('v', null) }))).reproduced).toBe(0);
  });
  it('does not hold a race against the replay, and says how many there were', async () => {
    const same = { at: '2026-01-01T00:00:00Z', l: [1, 2] };
    const racing = (raced: boolean): ReturnType<typeof revisionOf> => {
      const given = revisionOf('v', null);
      return { ...given, request: { ...given.request, touches: [{ key: 'redis:0/k', revision: 1, read: true, written: true, ...raced ? { raced: true } : {} }] } };
    };
    const other = answer('r1', { ...same, n: 3 }, { effects: wrote('w', null) });
    expect((await gate(racing(false), other)).reproduced).toBe(0);
    const result = await gate(racing(true), other);
    expect(result.reproduced).toBe(1);
    expect(result.allowances?.every(({ reason, requests }) => reason.startsWith('raced') && requests === 1)).toBe(true);
  });
  it('nor the time that passed until it was asked how long something lasts', async () => {
    const outcome = (left: number): CaseOutcome => answer('r1', { left });
    const reproduced = async (commandNames: readonly string[], left: number): Promise<number> => {
      const request = record('r1', { left: 59_950 }, { commandNames, durationMs: 60 });
      return (await build([request], [outcome(left)], [outcome(left)])).gate.reproduced;
    };
    expect([await reproduced(['PTTL', 'SET'], 60_000), await reproduced(['PTTL'], 60_030), await reproduced(['SET'], 60_000)]).toEqual([1, 0, 0]);
    expect([await reproduced(['TTL'], 59_951), await reproduced(['TTL'], 59_952)]).toEqual([1, 0]);
  });
  it('nor keys that came or went between the pages of a listing', async () => {
    const given = revisionOf('v', null);
    const other: Revision = { kind: 'revision', key: 'redis:0/new', revision: 1, hash: keep(encodeValue(stringOf('x'))).hash, sizeBytes: 1, expiresAtMs: null, position: 5, at: 0, by: 'r2', cause: 'write' };
    given.chains.set('redis:0/new', { key: 'redis:0/new', revisions: [other] });
    const listed = (listedUntil: number): ReturnType<typeof revisionOf> => ({ ...given, request: { ...given.request, listedAt: 3, listedUntil } });
    const found = answer('r1', { at: '2026-01-01T00:00:00Z', l: [1] }, { effects: wrote('v', null) });
    expect([(await gate(listed(4), found)).reproduced, (await gate(listed(6), found)).reproduced]).toEqual([0, 1]);
  });
  it('does not ask for writes that changed nothing', async () => {
    const idle = effectOf('other', stringOf('x'), { before: { value: stringOf('x'), expiresAtMs: null } });
    expect((await gate(revisionOf('v', null), answer('r1', { at: '2026-01-01T00:00:00Z', l: [1, 2] }, { effects: [...wrote('v', null), idle] }))).reproduced).toBe(1);
  });
});

describe('renderers', () => {
  const report = (): Promise<Report> => build(
    [record('r1', { a: 1 }), record('r2', { a: 1 }), record('r3', { a: 1 })], ['r1', 'r2', 'r3'].map((id) => answer(id, { a: 1 })),
    [answer('r1', { a: 1 }), answer('r2', { a: 2 }), outcomeOf({ id: 'r3', status: 'error', problems: [{ code: 'timeout', message: 'no answer within 5 s' }] })],
  );
  it('the terminal shows causes, totals, the asserted share and the gate', async () => {
    const text = terminalReport(await report(), { colors: false });
    expect(text).toContain('3 requests: 1 same · 0 noise · 1 differs · 0 inconclusive · 1 error · 0 not run');
    expect(text).toContain('$.response.body.a');
    expect(text).toContain('baseline   1\n    candidate  2');
    expect(text).toContain('100 % of values asserted');
    expect(text).toContain('self-replay 3/3');
    expect(text).not.toContain('\u001b');
  });
  it('the terminal says where causes are those of the same requests', async () => {
    const text = terminalReport(await build(['r1', 'r2'].map((id) => record(id, { a: 1 }, { request: { method: 'GET', target: '/x', headers: [], body: null } })), ['r1', 'r2'].map((id) => answer(id, { a: 1, b: 1, c: 1 })), [answer('r1', { a: 2, b: 2, c: 1 }), answer('r2', { a: 2, b: 2, c: 2 })]), { colors: false });
    expect(text.match(/the same 2 requests/g)).toHaveLength(1);
    expect(text.match(/first in r\d/g)).toEqual(['first in r1', 'first in r2']);
  });
  it('JUnit has a case a request, failures and errors, and is well formed whatever the target holds', async () => {
    const xml = junitReport(await report());
    expect(xml.match(/<testcase /g)).toHaveLength(3);
    expect(xml.match(/<failure /g)).toHaveLength(1);
    expect(xml.match(/<error /g)).toHaveLength(1);
    expect(xml).not.toContain('\u001b');
    expect(xml).not.toContain('<x>');
  });
  it('JSON can be read again, and a newer one is refused', async () => {
    const built = await report();
    expect(parseReport(jsonReport(built))).toEqual(built);
    expect(() => parseReport(JSON.stringify({ ...built, formatVersion: 99 }))).toThrowError(expect.objectContaining({ code: 'recording_newer' }));
    expect(() => parseReport('{"kind":"run"}')).toThrowError(expect.objectContaining({ code: 'recording_damaged' }));
    expect(() => parseReport(byteString(Buffer.from('not json')))).toThrowError(expect.objectContaining({ code: 'recording_damaged' }));
  });
});
