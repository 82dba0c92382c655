import type { RequestRecord } from '../model/recording.ts';
import type { CaseReport, Difference } from '../model/report.ts';
import type { CaseOutcome } from '../model/run.ts';
import { compareDocuments, identicalOutcomes, type Comparison, type ComparisonContext } from './compare.ts';
import { documentLeaves, documentOf } from './document.ts';
import { differenceOf, type Finding } from './finding.ts';
import { knownBefore, type RecordedBytes } from './known-text.ts';
import type { Noise } from './noise.ts';
import { Occurrences } from './occurrences.ts';
import { generalPath } from './places.ts';
import type { Segment } from './paths.ts';
import { textOf, type RenamedToken } from './rename.ts';
import { clockOfCase, type RunClock } from './run-clock.ts';
import type { NameTemplates } from './templates.ts';
import type { UserRules } from './user-rules.ts';
import { verdictOf } from './verdict.ts';

/** What judging the cases of one report shares. */
export interface Judging {
  readonly bytes: RecordedBytes;
  readonly templates: NameTemplates;
  readonly noise: Noise;
  readonly userRules: UserRules;
  clock: RunClock;
  /** Time and randomness repeat from run to run: what control runs repeat may still be generated. */
  readonly seeded: boolean;
  /** How many leaves were compared, and how many of them rules cover. */
  readonly leaves: { compared: number; covered: number };
  /** Differences that the user's rules hid, by rule; renamed ids by route and path. */
  readonly ignored: Map<string, number>;
  readonly renames: Map<string, { readonly route: string; readonly path: string; hid: number }>;
  /** Routes and paths where enough ids were renamed that what stands there is generated, whatever it looks like. */
  readonly generated: Set<string>;
}

/** A case of a report: its request and the outcomes to compare. */
export interface CaseToJudge {
  readonly record: RequestRecord;
  readonly route: string;
  readonly baseline: CaseOutcome | undefined;
  readonly candidate: CaseOutcome | undefined;
  /** Outcomes of the other control runs. */
  readonly controls: readonly CaseOutcome[];
  /** Baseline and candidate were run one at a time in the same order. */
  readonly inOrder: boolean;
}

/** What became of a case's findings. */
interface Sorted { real: Finding[]; hidden: Finding[]; unstable: number; orders: number; renamed: readonly RenamedToken[] }

/** Most hidden differences that a case shows. */
const mostHiddenShown = 20;

/** The report on one case. */
export async function judgeCase(given: CaseToJudge, judging: Judging): Promise<CaseReport> {
  const { record, route, baseline, candidate } = given;
  const sorted: Sorted = { real: [], hidden: [], unstable: 0, orders: 0, renamed: [] };
  if (baseline?.status === 'completed' && candidate?.status === 'completed') await compareCase(given, judging, sorted);
  const real = sorted.real.map((finding) => differenceOf(finding, judging.templates));
  const hidden = sorted.hidden.length + sorted.orders;
  const baselineUnstable = (!given.inOrder || sorted.unstable > 0) && (judging.noise.isUnstable(record.id) || given.controls.some((control) => control.status !== 'completed'));
  const { verdict, problems } = verdictOf({ baseline, candidate, real, hidden, unstable: sorted.unstable, baselineUnstable });
  const hiddenDifferences: Difference[] = sorted.hidden.slice(0, mostHiddenShown).map((finding) => differenceOf(finding, judging.templates));
  return {
    id: record.id, method: record.request.method, target: record.request.target, verdict, differences: real, hidden, problems, route,
    ...sorted.renamed.length > 0 ? { renamed: sorted.renamed.map((token) => ({ baseline: token.baseline, candidate: token.candidate })) } : {},
    ...hiddenDifferences.length > 0 ? { hiddenDifferences } : {},
  };
}

async function compareCase(given: CaseToJudge, judging: Judging, sorted: Sorted): Promise<void> {
  const { record, route, candidate, controls } = given;
  const [before, after] = [given.baseline as CaseOutcome, candidate as CaseOutcome];
  const document = documentOf(before);
  judging.leaves.compared += documentLeaves(document);
  judging.leaves.covered += judging.noise.coveredLeaves(route, document);
  if (identicalOutcomes(before, after)) return;
  const known = await knownBefore(record, [before, after], judging.bytes);
  // where randomness does not repeat, what another control run repeats is no generated id: a digest, say
  const repeated = judging.seeded ? [] : controls.filter((control) => control.status === 'completed').map((control) => new Occurrences(textOf(documentOf(control))));
  const generatedNot = (token: string): boolean => known(token) || repeated.some((text) => text.has(token));
  const orders = new Map<string, readonly Segment[]>();
  const comparison = compareDocuments(document, documentOf(after), comparisonContext(route, { ...judging, clock: clockOfCase(judging.clock, record.at) }, generatedNot, orders));
  for (const finding of comparison.findings) sortFinding(finding, comparison, given, judging, known, sorted);
  for (const place of orders.values()) judging.noise.countOrder(route, place);
  sorted.orders = orders.size;
  sorted.renamed = comparison.renamed;
  for (const token of comparison.renamed) {
    const path = generalPath(token.place, judging.templates);
    const entry = judging.renames.get(`${route}\n${path}`) ?? { route, path, hid: 0 };
    entry.hid++;
    judging.renames.set(`${route}\n${path}`, entry);
  }
}

function sortFinding(
  finding: Finding, comparison: Comparison, given: CaseToJudge, judging: Judging, known: (token: string) => boolean,
  sorted: { real: Finding[]; hidden: Finding[]; unstable: number },
): void {
  const rule = judging.userRules.ignoring(finding, comparison);
  if (rule !== undefined) {
    judging.ignored.set(rule, (judging.ignored.get(rule) ?? 0) + 1);
    judging.leaves.covered = Math.min(judging.leaves.compared, judging.leaves.covered + 1);
    sorted.hidden.push(finding);
    return;
  }
  const lastedMs = Math.max(comparison.baseline.lastedMs, comparison.candidate.lastedMs);
  const judgement = judging.noise.judge(finding, { id: given.record.id, route: given.route, at: given.record.at, lastedMs, clock: clockOfCase(judging.clock, given.record.at), known });
  if (judgement === 'real') sorted.real.push(finding);
  else if (judgement === 'noise') sorted.hidden.push(finding);
  else sorted.unstable++;
}

/** The rules for comparing a candidate's case; places whose order a noise rule made harmless are noted in `orders`. */
export function comparisonContext(
  route: string, judging: Pick<Judging, 'templates' | 'noise' | 'userRules' | 'generated' | 'clock'>, known: (token: string) => boolean, orders?: Map<string, readonly Segment[]>,
): ComparisonContext {
  return {
    templates: judging.templates,
    known,
    clock: judging.clock,
    decimalAt: (place) => judging.noise.isDecimal(route, place),
    generatedAt: (place) => judging.noise.isGenerated(route, place) || (judging.generated.size > 0 && judging.generated.has(`${route}\n${generalPath(place, judging.templates)}`)),
    unordered: (place) => {
      if (judging.userRules.isUnordered(place)) return true;
      if (!judging.noise.isUnordered(route, place)) return false;
      orders?.set(generalPath(place, judging.templates), place);
      return true;
    },
  };
}
