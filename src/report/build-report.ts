import { assert } from '../lib/assert.ts';
import { printable } from '../lib/bytes.ts';
import type { RequestRecord } from '../model/recording.ts';
import { reportFormatVersion, verdicts, type CaseReport, type NoiseRule, type Report, type Verdict } from '../model/report.ts';
import { routeOf } from '../model/route.ts';
import type { CaseOutcome, CaseProblem, Run } from '../model/run.ts';
import { compareDocuments, identicalOutcomes } from './compare.ts';
import { documentOf } from './document.ts';
import { gateCase } from './gate.ts';
import { groupDifferences } from './group.ts';
import { comparisonContext, judgeCase, type Judging } from './judge-case.ts';
import { knownBefore, type RecordedBytes } from './known-text.ts';
import { Noise } from './noise.ts';
import { clockBetween, clockFromNow, unknownClock } from './run-clock.ts';
import { learnTemplates } from './templates.ts';
import { UserRules, type UserRuleSettings } from './user-rules.ts';

/** What a verdict on any case is built from. */
export interface JudgeInput extends RecordedBytes {
  /** The recorded requests to give a verdict on, in order. */
  readonly requests: readonly RequestRecord[];
  /** Two or more replays of the baseline; the first is what candidates are compared with. */
  readonly controls: readonly Run[];
  /** Outcomes that were accepted as the baseline's for their requests. */
  readonly accepted?: ReadonlyMap<string, CaseOutcome>;
  readonly rules?: UserRuleSettings;
  /** What the recording says about itself, for the notes. */
  readonly recordingNotes?: readonly string[];
  /** Randomness repeats from run to run (the preload was in). Left out: it is concluded from the control runs. */
  readonly seeded?: boolean;
}

/** What a report is built from. */
export interface ReportInput extends JudgeInput {
  readonly candidate: Run;
  readonly labels: { readonly baseline: string; readonly candidate: string };
  /** Cases that were run one at a time in the recorded order, as in the first control run: that other control runs differ from it says nothing about them. */
  readonly inOrder?: ReadonlySet<string>;
  /** Unix ms; now when left out. */
  readonly createdAt?: number;
}

/**
 * Compares a candidate's run with the baseline's, case by case: learns noise from the control runs, passes the self-replay gate,
 * gives every request exactly one verdict and groups what differs by cause.
 * Throws `config_invalid` for user rules that cannot be used.
 */
export async function buildReport(input: ReportInput): Promise<Report> {
  const { requests, controls, candidate } = input;
  const prepared = await prepareJudging(input, [candidate], input.inOrder);
  const { judging, route, first } = prepared;
  judging.clock = clockBetween(controls[0], candidate, input.seeded !== false);
  const outcomes = outcomesById(candidate);
  const cases: CaseReport[] = [];
  for (const record of requests) cases.push(await judgeOne(prepared, record, outcomes.get(record.id)));
  await judgeAgain(prepared, cases, outcomes);
  const gate = await passGate(requests, first, judging, route);
  return {
    kind: 'report', formatVersion: reportFormatVersion, createdAt: input.createdAt ?? Date.now(),
    baseline: input.labels.baseline, candidate: input.labels.candidate,
    requests: requests.length, totals: countVerdicts(cases), groups: groupDifferences(cases), cases,
    noise: noiseRules(judging), gate,
    assertedShare: judging.leaves.compared === 0 ? 1 : 1 - judging.leaves.covered / judging.leaves.compared,
    durationMs: candidate.durationMs,
    stateFaults: candidate.outcomes.reduce((total, outcome) => total + outcome.timing.faults, 0),
    notes: notesOf(input, judging),
  };
}

/**
 * Judges cases one by one, for test frameworks: learns noise from the control runs once. Outcomes come from runs that begin now.
 * Throws `config_invalid` for user rules that cannot be used.
 */
export async function createJudge(input: JudgeInput): Promise<(record: RequestRecord, outcome: CaseOutcome) => Promise<CaseReport>> {
  const prepared = await prepareJudging(input, []);
  const [first] = input.controls;
  prepared.judging.clock = clockFromNow(first, input.seeded !== false);
  return (record, outcome) => judgeOne(prepared, record, outcome);
}

interface Prepared {
  readonly input: JudgeInput;
  readonly judging: Judging;
  readonly route: (record: RequestRecord) => string;
  readonly first: ReadonlyMap<string, CaseOutcome>;
  readonly others: readonly ReadonlyMap<string, CaseOutcome>[];
  readonly inOrder: ReadonlySet<string>;
}

async function prepareJudging(input: JudgeInput, candidates: readonly Run[], inOrder: ReadonlySet<string> = new Set()): Promise<Prepared> {
  const { requests, controls } = input;
  const templates = learnTemplates(namesOf([...controls, ...candidates]));
  const userRules = new UserRules(input.rules ?? {}, templates);
  const noise = new Noise(templates);
  const bytes: RecordedBytes = { payload: input.payload, chains: input.chains };
  const [first = new Map<string, CaseOutcome>(), ...others] = controls.map(outcomesById);
  const routes = new Map(requests.map((record) => [record.id, routeOf(record.request.method, record.request.target)]));
  const route = (record: RequestRecord): string => routes.get(record.id) ?? routeOf(record.request.method, record.request.target);
  await learnNoise({ input, noise, userRules, controlOutcomes: [first, ...others], route, bytes, templates });
  const judging: Judging = {
    bytes, templates, noise, userRules, seeded: input.seeded ?? !noise.varies, clock: unknownClock,
    leaves: { compared: 0, covered: 0 }, ignored: new Map(), renames: new Map(), generated: new Set(),
  };
  return { input, judging, route, first, others, inOrder };
}

function judgeOne({ input, judging, route, first, others, inOrder }: Prepared, record: RequestRecord, candidate: CaseOutcome | undefined): Promise<CaseReport> {
  const { id } = record;
  const controls = others.flatMap((control) => control.get(id) ?? []);
  return judgeCase({ record, route: route(record), baseline: input.accepted?.get(id) ?? first.get(id), candidate, controls, inOrder: inOrder.has(id) }, judging);
}

/** Ids renamed at a place from which on it is known to hold generated ones. */
const enoughRenames = 4;

/**
 * A short id now and then looks like a word. Where other cases have shown that a place holds generated ids, cases that differ there are
 * judged once more with that in mind; what is no consistent other id stays a difference.
 */
async function judgeAgain(prepared: Prepared, cases: CaseReport[], outcomes: ReadonlyMap<string, CaseOutcome>): Promise<void> {
  const { judging, input } = prepared;
  for (const [place, { hid }] of judging.renames) if (hid >= enoughRenames) judging.generated.add(place);
  if (judging.generated.size === 0) return;
  for (const [index, record] of input.requests.entries()) {
    const judged = cases[index];
    if (judged?.verdict !== 'differs' || !judged.differences.some(({ path }) => judging.generated.has(`${judged.route}\n${path}`))) continue;
    const counted = { ...judging.leaves };
    const again = await judgeOne(prepared, record, outcomes.get(record.id));
    Object.assign(judging.leaves, counted);
    if (again.differences.length < judged.differences.length) cases[index] = again;
  }
}

function outcomesById(run: Run): Map<string, CaseOutcome> {
  return new Map(run.outcomes.map((outcome) => [outcome.id, outcome]));
}

interface Learning {
  readonly input: JudgeInput;
  readonly noise: Noise;
  readonly userRules: UserRules;
  readonly controlOutcomes: readonly ReadonlyMap<string, CaseOutcome>[];
  readonly route: (record: RequestRecord) => string;
  readonly bytes: RecordedBytes;
  readonly templates: Judging['templates'];
}

async function learnNoise({ input, noise, userRules, controlOutcomes, route, bytes, templates }: Learning): Promise<void> {
  const [first, ...others] = controlOutcomes;
  for (const record of input.requests) {
    const baseline = first?.get(record.id);
    if (baseline?.status !== 'completed') continue;
    for (const [index, outcomes] of others.entries()) {
      const other = outcomes.get(record.id);
      if (other?.status !== 'completed' || identicalOutcomes(baseline, other)) continue;
      const known = await knownBefore(record, [baseline, other], bytes);
      // no rule applies yet: all that differs teaches, and short tokens and decimals that stand consistently for one another are ids
      const clock = clockBetween(input.controls[0], input.controls[index + 1], input.seeded !== false);
      const comparison = compareDocuments(documentOf(baseline), documentOf(other), {
        templates, known, decimalAt: () => true, generatedAt: () => true, unordered: (place) => userRules.isUnordered(place), clock,
      });
      for (const finding of comparison.findings) if (userRules.ignoring(finding, comparison) === undefined) noise.learn(record.id, route(record), finding, clock);
      for (const token of comparison.renamed) {
        if (token.isMoment) noise.varies = true;
        else if (token.decimal) noise.learnDecimal(route(record), token.place);
        else noise.learnGenerated(route(record), token.place);
      }
    }
  }
}

function* namesOf(runs: readonly Run[]): Iterable<string> {
  for (const run of runs) {
    for (const outcome of run.outcomes) {
      for (const { key } of outcome.effects) yield printable(key);
      for (const { key } of outcome.reads) yield printable(key);
    }
  }
}

async function passGate(requests: readonly RequestRecord[], first: ReadonlyMap<string, CaseOutcome>, judging: Judging, route: (record: RequestRecord) => string): Promise<Report['gate']> {
  const failures: CaseReport[] = [];
  const allowances = new Map<string, { path: string; reason: string; requests: number }>();
  for (const record of requests) {
    const replayed = first.get(record.id);
    const { bytes, templates, noise } = judging;
    const result = await gateCase(record, replayed, { bytes, templates, noise, route: route(record), comparison: (known) => comparisonContext(route(record), judging, known) });
    if (result.failure !== null) failures.push(result.failure);
    for (const { path, reason } of new Map(result.allowances.map((allowance) => [allowance.path + allowance.reason, allowance])).values()) {
      const entry = allowances.get(path + reason) ?? { path, reason, requests: 0 };
      entry.requests++;
      allowances.set(path + reason, entry);
    }
  }
  return { reproduced: requests.length - failures.length, of: requests.length, failures, allowances: [...allowances.values()].sort((a, b) => b.requests - a.requests) };
}

function countVerdicts(cases: readonly CaseReport[]): Record<Verdict, number> {
  const totals = Object.fromEntries(verdicts.map((verdict) => [verdict, 0])) as Record<Verdict, number>;
  for (const { verdict } of cases) totals[verdict]++;
  assert(verdicts.reduce((sum, verdict) => sum + totals[verdict], 0) === cases.length, 'every request has exactly one verdict');
  return totals;
}

function noiseRules({ noise, userRules, ignored, renames }: Judging): NoiseRule[] {
  return [
    ...userRules.ignore.map(({ path }): NoiseRule => ({ path, valueClass: 'any', hid: ignored.get(path) ?? 0, origin: 'config' })),
    ...noise.rules(),
    ...[...renames.values()].map(({ route, path, hid }): NoiseRule => ({ path, valueClass: 'renamed id', hid, route, origin: 'rename' })),
  ];
}

/** Most lines about one run. */
const mostRunNotes = 20;

function notesOf({ recordingNotes, controls, candidate, seeded }: ReportInput, judging: Judging): string[] {
  const notes = [...recordingNotes ?? []];
  if (controls.length < 2) notes.push(`${controls.length} control run of the baseline: noise cannot be told from regressions without two`);
  const runs = [...controls.map((control, index) => [`control run ${index + 1}`, control] as const), ['candidate', candidate] as const];
  const lineOf = ({ code, message }: CaseProblem): string => `${code}: ${message}`;
  const everywhere = new Set(candidate.notes.map(lineOf).filter((line) => controls.every((control) => control.notes.some((note) => lineOf(note) === line))));
  notes.push(...[...everywhere].slice(0, mostRunNotes));
  for (const [name, run] of runs) {
    const messages = new Map<string, number>();
    for (const line of run.notes.map(lineOf)) if (!everywhere.has(line)) messages.set(line, (messages.get(line) ?? 0) + 1);
    const lines = [...messages].map(([message, count]) => `${name}: ${message}${count > 1 ? ` (${count} times)` : ''}`);
    notes.push(...lines.slice(0, mostRunNotes), ...lines.length > mostRunNotes ? [`${name}: ${lines.length - mostRunNotes} more notes`] : []);
  }
  for (const { path, route, share } of judging.noise.binaryPlaces()) {
    notes.push(`${path} (${route}) is binary and differs between control runs: ${share === 1 ? 'all of it is noise' : `${Math.ceil(share * 100)} % of its bytes are noise, the others are compared`}`);
  }
  if (seeded === undefined && judging.renames.size > 0 && judging.seeded) notes.push('ids were renamed although the control runs agree on them: another generator of the same shape, or a digest that changed');
  return notes;
}
