/*
 * The self-replay gate: does the baseline, replayed from the recorded state, do what was recorded? Only then does a verdict on a
 * candidate mean something. Values of one class (moments, generated ids) and the order of lists may differ: each is a reason kept with its count.
 */
import { byteString, type ByteString } from '../lib/bytes.ts';
import { decodeValue } from '../model/element-codec.ts';
import type { Element } from '../model/element.ts';
import type { PayloadRef, RequestRecord, Revision } from '../model/recording.ts';
import type { CaseReport, Difference } from '../model/report.ts';
import type { CaseOutcome, Effect, OutcomeCall } from '../model/run.ts';
import { compareDocuments, type ComparisonContext } from './compare.ts';
import { documentOf, valueTree } from './document.ts';
import { differenceOf, type Finding } from './finding.ts';
import { knownBefore, type RecordedBytes } from './known-text.ts';
import type { Noise } from './noise.ts';
import { outcomeOf } from './outcome.ts';
import { generalPath } from './places.ts';
import type { NameTemplates } from './templates.ts';
import { canonical, type Tree } from './tree.ts';
import { commonClass, mask } from './value-class.ts';

/** What the gate needs beside a request and its replay. */
export interface GateContext {
  readonly bytes: RecordedBytes;
  readonly templates: NameTemplates;
  readonly noise: Noise;
  readonly comparison: (known: (token: string) => boolean) => ComparisonContext;
  readonly route: string;
}

/** Whether a request was reproduced, and what was allowed to differ: path and reason. */
export interface GateResult {
  /** null: reproduced. */
  readonly failure: CaseReport | null;
  readonly allowances: readonly { readonly path: string; readonly reason: string }[];
}

/** Compares a recorded request with the baseline's replay of it. */
export async function gateCase(record: RequestRecord, replayed: CaseOutcome | undefined, context: GateContext): Promise<GateResult> {
  const report = (problem: string, differences: readonly Difference[] = []): GateResult => ({
    allowances: [],
    failure: {
      id: record.id, method: record.request.method, target: record.request.target, verdict: differences.length > 0 ? 'differs' : 'error', differences, hidden: 0,
      problems: problem === '' ? [] : [{ code: 'not_reproduced', message: problem }], route: context.route,
    },
  });
  if (replayed === undefined || replayed.status === 'not_run') return report('the baseline was not replayed');
  if (replayed.status === 'error') return report(replayed.problems[0]?.message ?? 'the baseline gave no answer in replay');
  let recorded: CaseOutcome;
  try {
    recorded = await recordedOutcome(record, replayed, context.bytes);
  } catch (error) {
    return report(`what was recorded cannot be read: ${(error as Error).message}`);
  }
  const documents = [documentOf(recorded), documentOf(asRecorded(replayed, record, recorded))] as const;
  // what was known before the case is read only where something differs
  let { findings } = compareDocuments(...documents, context.comparison(() => true));
  if (findings.length > 0) findings = compareDocuments(...documents, context.comparison(await knownBefore(record, [replayed], context.bytes))).findings;
  const allowances: { path: string; reason: string }[] = [];
  const failures = findings.filter((finding) => {
    const reason = allowance(finding) ?? lastingReason(record, finding) ?? racedReason(record, finding, context.bytes.chains) ?? (context.noise.covers(context.route, finding.segments) ? 'differs between control runs' : undefined);
    if (reason !== undefined) allowances.push({ path: generalPath(finding.segments, context.templates), reason });
    return reason === undefined;
  });
  return failures.length === 0 ? { failure: null, allowances } : report('', failures.map((finding) => differenceOf(finding, context.templates)));
}

/** Why a difference between recording and replay says nothing against the replay; undefined when it does. */
function allowance(finding: Finding): string | undefined {
  if (finding.change === 'order') return 'same items in another order';
  if (finding.change !== 'value' || finding.baseline === null || finding.candidate === null) return undefined;
  const found = commonClass(finding.baseline, finding.candidate);
  if (found === 'timestamp') return 'another moment';
  if (found === 'uuid' || found === 'token') return 'another generated id';
  const [a, b] = [finding.baseline, finding.candidate];
  return found === 'pattern' && a.kind === 'leaf' && b.kind === 'leaf' && mask(String(a.value)) === mask(String(b.value)) ? 'another moment or id in a text' : undefined;
}

/** Commands that answer how long something will last or has lasted, with the unit in ms. */
const lasting: ReadonlyMap<string, number> = new Map([['TTL', 1000], ['OBJECT', 1000], ['PTTL', 1], ['XPENDING', 1], ['XINFO', 1]]);

/** While it was recorded real time passed on the server; in replay it may stand still. Whole seconds may be the next ones. */
function lastingReason({ commandNames, durationMs }: RequestRecord, { change, baseline, candidate }: Finding): string | undefined {
  const unitMs = Math.min(...commandNames.map((name) => lasting.get(name) ?? Infinity));
  if (change !== 'value' || unitMs === Infinity || baseline === null || candidate === null) return undefined;
  const [a, b] = [numberIn(baseline), numberIn(candidate)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= Math.ceil(durationMs / unitMs) ? 'a time left, while time passed' : undefined;
}

function numberIn(tree: Tree): number | undefined {
  if (tree.kind !== 'leaf' || !/^-?\d+(?:\.\d+)?$/.test(String(tree.value))) return undefined;
  return Number(tree.value);
}

/**
 * A request that met one element in two states, because another request changed it in between, did what no replay of it alone does.
 * What it wrote to other elements and answered may follow from that.
 */
function racedReason(record: RequestRecord, finding: Finding, chains: RecordedBytes['chains']): string | undefined {
  const { touches } = record;
  const raced = touches.filter((touch) => touch.raced === true);
  if (raced.length === 0) return racedWhileListing(record, chains) ? racedWords : undefined;
  const own = finding.key === undefined ? undefined : touches.find((touch) => touch.key === finding.key);
  return own === undefined || own.raced === true || raced.some((touch) => touch.read) ? racedWords : undefined;
}

const racedWords = 'raced with another request while it was recorded';

/** Keys came or went between the pages of a listing. */
function racedWhileListing({ id, listedAt, listedUntil }: RequestRecord, chains: RecordedBytes['chains']): boolean {
  if (listedAt === undefined || listedUntil === undefined) return false;
  return [...chains.values()].some(({ revisions }) => revisions.some((revision, index) => revision.by !== id && revision.cause !== 'initial'
    && revision.position > listedAt && revision.position <= listedUntil && (revision.hash === null) !== ((revisions[index - 1]?.hash ?? null) === null)));
}

async function recordedOutcome(record: RequestRecord, replayed: CaseOutcome, bytes: RecordedBytes): Promise<CaseOutcome> {
  const body = async (ref: PayloadRef | null): Promise<ByteString> => (ref === null ? '' : byteString(await bytes.payload(ref.hash)));
  const calls = await Promise.all(record.calls.map(async ({ dependency, request, response }): Promise<OutcomeCall> => ({
    dependency, method: request.method, target: request.target, headers: request.headers, body: await body(request.body), status: response?.status ?? null, provenance: 'recorded',
  })));
  const last = new Map<string, Revision>();
  for (const { key, revision } of [...rewrites(record, replayed), ...record.writes]) {
    const found = bytes.chains.get(key)?.revisions.find((candidate) => candidate.revision === revision);
    if (found !== undefined) last.set(key, found);
  }
  const effects = await Promise.all([...last].map(async ([key, { hash, expiresAtMs }]): Promise<Effect> => {
    const after: Element | null = hash === null ? null : { value: decodeValue(await bytes.payload(hash)), expiresAtMs };
    return stateEffect(key, after, record.at);
  }));
  const response = record.response === null ? null : { status: record.response.status, headers: record.response.headers, body: await body(record.response.body) };
  return outcomeOf({ id: record.id, response, calls, effects, timing: { stateWaitMs: 0, totalMs: record.durationMs, faults: 0 } });
}

/** What the request wrote as it was, so that no revision came of it, and the replay changes: a second ago it was the same second. */
function rewrites({ touches }: RequestRecord, replayed: CaseOutcome): readonly { readonly key: string; readonly revision: number }[] {
  const differing = new Set(replayed.effects.filter(changed).map(({ key }) => key));
  return touches.filter(({ key, written }) => written && differing.has(key));
}

/** The replay's effects as the recording can know them: final values and moments of expiry, and no write that changed nothing. */
function asRecorded(replayed: CaseOutcome, record: RequestRecord, recorded: CaseOutcome): CaseOutcome {
  const written = new Set(recorded.effects.map((effect) => effect.key));
  const effects = replayed.effects.filter((effect) => written.has(effect.key) || changed(effect)).map((effect) => stateEffect(effect.key, effect.after, record.at));
  return { ...replayed, effects, messages: [] };
}

function stateEffect(key: string, after: Element | null, at: number): Effect {
  const expiresAtMs = after?.expiresAtMs ?? null;
  return { key, before: null, after, parts: [], valueWritten: true, expiry: expiresAtMs === null ? null : { kind: 'absolute', ms: expiresAtMs - at } };
}

function changed({ before, after }: Effect): boolean {
  if (before === null || after === null) return before !== after;
  if (before.expiresAtMs !== after.expiresAtMs || before.value.type !== after.value.type) return true;
  return canonical(valueTree(before.value)) !== canonical(valueTree(after.value));
}
