import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../model/recording.ts';
import type { CaseOutcome, Run } from '../model/run.ts';
import { buildReport } from './build-report.ts';
import { confirmReport } from './confirm.ts';
import { jsonResponse, outcomeOf } from './outcome.ts';

const requests = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3'].map((id, position): RequestRecord => ({
  kind: 'request', id, position, endPosition: position + 1, at: 1_700_000_000_000, durationMs: 1, lane: '0', attribution: 'context', seed: '0'.repeat(32),
  request: { method: 'GET', target: `/${id[0]}?n=${id[1]}`, headers: [], body: null }, response: { status: 200, headers: [], body: null },
  touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [],
}));

/** What each case answers; left out: `"usual"`. */
type Answers = Readonly<Record<string, unknown>>;

const runOf = (answers: Answers, given: Partial<Run> = {}, of: readonly RequestRecord[] = requests): Run => ({
  kind: 'run', formatVersion: 1, label: '', startedAt: 0, durationMs: 1, mode: 'virtual', lanes: 1, concurrency: 8, notes: [], ...given,
  outcomes: of.map(({ id }): CaseOutcome => outcomeOf({ id, response: jsonResponse({ answer: answers[id] ?? 'usual' }) })),
});
const one = { concurrency: 1 } as const;

/** Confirms a candidate that answers `mixed` among other cases and `inOrder` one at a time. */
async function confirm(given: { readonly mixed: Answers; readonly inOrder: Answers; readonly shuffledControl?: Answers; readonly control?: Partial<Run> }) {
  const controls = [runOf({}, given.control ?? one), runOf(given.shuffledControl ?? {}, { order: 'shuffled' })];
  const run = runOf(given.mixed);
  const reruns: string[][] = [];
  const judge = (candidate: Run, inOrder: ReadonlySet<string> = new Set()) =>
    buildReport({ requests, controls, candidate, inOrder, chains: new Map(), labels: { baseline: 'v1', candidate: 'v2' }, createdAt: 0, payload: () => Promise.reject(new Error('none')) });
  const { report } = await confirmReport({
    report: await judge(run), run, control: controls[0] as Run, requests, judge,
    rerun: (some) => {
      reruns.push(some.map(({ id }) => id));
      return Promise.resolve(runOf(given.inOrder, one, some));
    },
  });
  return { reruns, notes: report.notes, verdicts: Object.fromEntries(report.cases.map(({ id, verdict, problems }) => [id, [verdict, ...problems.map(({ code }) => code)].join(' ')])) };
}

describe('confirming differences', () => {
  it('what differs in order too differs', async () => {
    const { reruns, verdicts } = await confirm({ mixed: { a2: 'other' }, inOrder: { a2: 'other' } });
    expect(reruns).toEqual([['a1', 'a2']]);
    expect(verdicts).toMatchObject({ a1: 'same', a2: 'differs', b1: 'same' });
  });

  it('what differs in every case of its route is not run again', async () => {
    const all = { b1: 'other', b2: 'other', b3: 'other' };
    const { reruns, verdicts } = await confirm({ mixed: all, inOrder: {} });
    expect(reruns).toEqual([]);
    expect(verdicts).toMatchObject({ a1: 'same', b1: 'differs', b2: 'differs', b3: 'differs' });
  });

  it('what differs only among other cases, unlike in the baseline, is inconclusive', async () => {
    const { verdicts } = await confirm({ mixed: { a2: 'other' }, inOrder: {} });
    expect(verdicts).toMatchObject({ a1: 'same', a2: 'inconclusive order_dependent' });
  });

  it('where the baseline depends on order too, the run in order decides', async () => {
    const cache = { shuffledControl: { a3: ['cold'] }, mixed: { a2: ['cold'] } };
    const unchanged = await confirm({ ...cache, inOrder: {} });
    expect(unchanged.verdicts).toEqual({ a1: 'same', a2: 'same', a3: 'same', a4: 'same', b1: 'same', b2: 'same', b3: 'same' });
    expect(unchanged.notes.join('\n')).toMatch(/1 case of GET \/a depend/);
    const changed = await confirm({ ...cache, inOrder: { a2: ['broken'], a3: ['broken'] } });
    expect(changed.verdicts).toMatchObject({ a1: 'same', a2: 'differs', a3: 'inconclusive baseline_unstable', a4: 'same' }); // a3: the baseline may vary there by itself
  });

  it('where the first of a cause do not differ in order, all of it are looked at', async () => {
    const { reruns, verdicts } = await confirm({ mixed: { a1: 'other', a2: 'other', a3: 'other', b1: 'other' }, inOrder: { b1: 'other' } });
    expect(reruns.at(-1)).toHaveLength(5);
    expect(verdicts).toMatchObject({ a1: 'inconclusive order_dependent', a3: 'inconclusive order_dependent', b1: 'differs', b2: 'same' });
  });

  it('a control run of many at a time gives nothing to compare with', async () => {
    const { reruns, verdicts } = await confirm({ mixed: { a2: 'other' }, inOrder: {}, control: {} });
    expect(reruns).toEqual([]);
    expect(verdicts).toMatchObject({ a2: 'differs' });
  });
});
