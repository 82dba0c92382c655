/*
 * What differs between two replays of the same service from the same state is noise, by evidence: a rule is one route, one path,
 * and the class of the values seen there, and hides only what keeps that class. Nothing is guessed, nothing is wider than what
 * was seen, and no rule of class `any` or `pattern` covers a whole body or a whole element. What differs in its structure between control
 * runs (something missing, another type) makes no rule: there the baseline is not consistent with itself, case by case.
 */
import type { NoiseRule } from '../model/report.ts';
import type { RequestId } from '../model/recording.ts';
import { ByteMask } from './byte-mask.ts';
import { pathOf, type Segment } from './paths.ts';
import type { CaseDocument } from './document.ts';
import type { Finding } from './finding.ts';
import { generalPath, generalPlace, leavesAt } from './places.ts';
import type { NameTemplates } from './templates.ts';
import { apartMs, isSameMoment, isTimeOfCase, type RunClock } from './run-clock.ts';
import { typeOf, type Tree } from './tree.ts';
import { commonClass, type ValueClass } from './value-class.ts';

/** Classes of rules: those of values, the order of a list, the time to live of an element. */
export type RuleClass = ValueClass | 'order' | 'duration';

interface LearntRule {
  readonly route: string;
  readonly path: string;
  readonly place: readonly Segment[];
  valueClass: RuleClass;
  readonly types: Set<string>;
  /** Largest distance seen between two moments or times to live, ms. */
  spreadMs: number;
  hid: number;
  readonly origin: 'control' | 'clock';
  /** Of binary values: which of their bytes differ. */
  readonly bytes: ByteMask;
}

/** A case whose differences are judged. */
export interface JudgedCase {
  readonly id: RequestId;
  readonly route: string;
  /** When its request came, Unix ms. */
  readonly at: number;
  /** How long it went on at most. */
  readonly lastedMs: number;
  readonly clock: RunClock;
  /** Whether a token was there before the case. */
  readonly known: (token: string) => boolean;
}

/** How a finding is taken. */
export type Judgement = 'real' | 'noise' | 'unstable';

/** Largest share of a time to live that jitter may cover, whatever the control runs showed. */
const largestDurationShare = 0.02;

/** Rules learnt from control runs. */
export class Noise {
  readonly #templates: NameTemplates;
  readonly #rules = new Map<string, LearntRule>();
  readonly #decimals = new Set<string>();
  readonly #generated = new Set<string>();
  readonly #unstable = new Map<RequestId, Set<string>>();
  #jitterMs = 0;
  /** Two control runs showed generated values that differ: the service's randomness does not repeat. */
  varies = false;

  constructor(templates: NameTemplates) {
    this.#templates = templates;
  }

  /** Learns from one difference between two control runs of a case. */
  learn(id: RequestId, route: string, finding: Finding, clock: RunClock): void {
    const path = generalPath(finding.segments, this.#templates);
    const found = classOf(finding);
    const before = this.#rules.get(ruleId(route, path))?.valueClass ?? found;
    const valueClass = found === undefined || before === undefined || before === found ? found : widened(before, found);
    if (found === undefined || valueClass === undefined || (isWhole(finding.segments) && (valueClass === 'any' || valueClass === 'pattern'))) {
      const unstable = this.#unstable.get(id);
      if (unstable === undefined) this.#unstable.set(id, new Set([path]));
      else unstable.add(path);
      return;
    }
    const rule = this.#rule(route, finding.segments, found, 'control');
    rule.valueClass = valueClass;
    for (const tree of [finding.baseline, finding.candidate]) if (tree !== null) rule.types.add(typeOf(tree));
    rule.spreadMs = Math.max(rule.spreadMs, distanceMs(finding, clock) ?? 0);
    if (finding.baseline?.kind === 'binary' && finding.candidate?.kind === 'binary') rule.bytes.learn(finding.baseline.bytes, finding.candidate.bytes);
    if (found === 'timestamp') this.#jitterMs = Math.max(this.#jitterMs, rule.spreadMs);
    if (found !== 'order') this.varies = true;
  }

  /** Learns that decimal numbers at a place are generated. */
  learnDecimal(route: string, place: readonly Segment[]): void {
    this.#decimals.add(ruleId(route, generalPath(place, this.#templates)));
    this.varies = true;
  }

  /** Learns that a place holds generated ids: control runs have others there, consistently. */
  learnGenerated(route: string, place: readonly Segment[]): void {
    this.#generated.add(ruleId(route, generalPath(place, this.#templates)));
    this.varies = true;
  }

  isGenerated(route: string, place: readonly Segment[]): boolean {
    return this.#generated.size > 0 && this.#generated.has(ruleId(route, generalPath(place, this.#templates)));
  }

  isDecimal(route: string, place: readonly Segment[]): boolean {
    return this.#decimals.size > 0 && this.#decimals.has(ruleId(route, generalPath(place, this.#templates)));
  }

  /** Whether control runs listed the items of a place in different orders. */
  isUnordered(route: string, place: readonly Segment[]): boolean {
    return this.#rules.size > 0 && this.#rules.get(ruleId(route, generalPath(place, this.#templates)))?.valueClass === 'order';
  }

  /** Whether the control runs of a case differ in more than values. */
  isUnstable(id: RequestId): boolean {
    return this.#unstable.has(id);
  }

  unstablePaths(id: RequestId): readonly string[] {
    return [...this.#unstable.get(id) ?? []];
  }

  /** Judges a difference between the baseline and a candidate; a rule that hides it counts it. */
  judge(finding: Finding, judged: JudgedCase): Judgement {
    const { id, route, clock } = judged;
    const path = generalPath(finding.segments, this.#templates);
    const rule = this.#rules.get(ruleId(route, path));
    if (rule !== undefined && rule.origin === 'control' && allows(rule, finding, clock)) {
      rule.hid++;
      return 'noise';
    }
    if (this.#isJitter(finding, judged)) {
      this.#rule(route, finding.segments, 'timestamp', 'clock').hid++;
      return 'noise';
    }
    const unstable = this.#unstable.get(id);
    return unstable !== undefined && [...unstable].some((place) => path === place || path.startsWith(`${place}.`) || path.startsWith(`${place}[`)) ? 'unstable' : 'real';
  }

  /** Whether control runs showed that values at a place vary, whatever their class. */
  covers(route: string, place: readonly Segment[]): boolean {
    return this.#rules.has(ruleId(route, generalPath(place, this.#templates)));
  }

  /** Counts an order that a rule made harmless. */
  countOrder(route: string, place: readonly Segment[]): void {
    const rule = this.#rules.get(ruleId(route, generalPath(place, this.#templates)));
    if (rule?.valueClass === 'order') rule.hid++;
  }

  /** How many leaves of a case are asserted by their class only. */
  coveredLeaves(route: string, document: CaseDocument): number {
    let leaves = 0;
    for (const rule of this.#rules.values()) {
      if (rule.route === route && rule.valueClass !== 'order' && rule.valueClass !== 'duration') leaves += leavesAt(document, rule.place, this.#templates);
    }
    return leaves;
  }

  /** The rules for the report, those that hid most first. */
  rules(): NoiseRule[] {
    return [...this.#rules.values()]
      .map(({ route, path, valueClass, hid, origin }) => ({ path, valueClass, hid, route, origin }))
      .sort((a, b) => b.hid - a.hid || (a.path < b.path ? -1 : 1));
  }

  /** Places of binary values that differ between control runs, with the share of their bytes that is noise. */
  binaryPlaces(): { readonly path: string; readonly route: string; readonly share: number }[] {
    return [...this.#rules.values()].filter((rule) => rule.valueClass === 'binary').map(({ path, route, bytes }) => ({ path, route, share: bytes.share }));
  }

  #rule(route: string, segments: readonly Segment[], valueClass: RuleClass, origin: LearntRule['origin']): LearntRule {
    const place = generalPlace(segments, this.#templates);
    const path = pathOf(place);
    const id = ruleId(route, path);
    const rule = this.#rules.get(id) ?? { route, path, place, valueClass, types: new Set<string>(), spreadMs: 0, hid: 0, origin, bytes: new ByteMask() };
    this.#rules.set(id, rule);
    return rule;
  }

  /**
   * A moment that moved no more than clocks do while a case runs, or than control runs showed at other places. What was there before the
   * case is no moment of it, unless it is just now.
   */
  #isJitter(finding: Finding, { at, lastedMs, clock, known }: JudgedCase): boolean {
    if (finding.change !== 'value' || classOf(finding) !== 'timestamp') return false;
    const [a, b] = [finding.baseline, finding.candidate].map((tree) => (tree?.kind === 'leaf' ? tree.value : null));
    const isNow = isTimeOfCase(a, 0, clock, { at, lastedMs }) && isTimeOfCase(b, 1, clock, { at, lastedMs });
    if (!isNow && (known(String(a)) || known(String(b)))) return false;
    if (isSameMoment(a, b, clock, lastedMs)) return true;
    return this.#jitterMs > 0 && !clock.goesOn && (apartMs(a, b, clock) ?? Infinity) <= Math.max(clock.slackMs, 2 * this.#jitterMs);
  }
}

function ruleId(route: string, path: string): string {
  return `${route}\n${path}`;
}

/** Bodies and elements as a whole: `$.response.body`, `$.writes[…]`, `$.writes[…].value`, `$.calls[…].body`, a message. */
function isWhole(segments: readonly Segment[]): boolean {
  if (segments[0] === 'response') return segments.length <= 2;
  return segments.length <= 2 || (segments.length === 3 && ['value', 'items', 'members', 'fields', 'body'].includes(String(segments[2]))) || segments[0] === 'messages';
}

function classOf(finding: Finding): RuleClass | undefined {
  if (finding.change === 'order') return 'order';
  if (finding.expiries !== undefined) return 'duration';
  if (finding.change !== 'value' || finding.baseline === null || finding.candidate === null) return undefined;
  return commonClass(finding.baseline, finding.candidate);
}

/** The narrowest class that holds what both hold. */
function widened(a: RuleClass, b: RuleClass): RuleClass {
  const classes = new Set([a, b]);
  if (classes.has('timestamp') && classes.has('number')) return 'number';
  if (classes.has('uuid') && classes.has('token')) return 'token';
  if (classes.has('order')) return a === 'order' ? b : a;
  return 'any';
}

function allows(rule: LearntRule, finding: Finding, clock: RunClock): boolean {
  const found = classOf(finding);
  if (found === undefined) return false;
  switch (rule.valueClass) {
    case 'timestamp': return found === 'timestamp' && isPlausible(rule, finding, clock);
    case 'duration': return found === 'duration' && isPlausibleDuration(rule, finding);
    case 'number': return found === 'number' || found === 'timestamp';
    case 'token': return found === 'token' || found === 'uuid';
    case 'pattern': return found === 'pattern' || found === 'number' || found === 'timestamp';
    case 'any': return [finding.baseline, finding.candidate].every((tree) => rule.types.has(typeOf(tree as Tree)));
    case 'binary': return found === 'binary' && isBinaryNoise(rule, finding);
    case 'uuid': case 'order': return found === rule.valueClass;
  }
}

function isBinaryNoise({ bytes }: LearntRule, { baseline, candidate }: Finding): boolean {
  return baseline?.kind === 'binary' && candidate?.kind === 'binary' && bytes.covers(baseline.bytes, candidate.bytes);
}

/** A moment may move with the clock of its run, and as far as control runs moved it; a day more is a difference. */
function isPlausible(rule: LearntRule, finding: Finding, clock: RunClock): boolean {
  return (distanceMs(finding, clock) ?? Infinity) <= Math.max(1000, 2 * rule.spreadMs, clock.slackMs);
}

function isPlausibleDuration(rule: LearntRule, finding: Finding): boolean {
  const { baselineMs, candidateMs } = finding.expiries as NonNullable<Finding['expiries']>;
  const bound = Math.max(1000, largestDurationShare * Math.abs(baselineMs));
  return Math.abs(baselineMs - candidateMs) <= Math.min(bound, Math.max(1000, 2 * rule.spreadMs));
}

/** How far two moments or times to live are apart. */
function distanceMs(finding: Finding, clock: RunClock): number | undefined {
  if (finding.expiries !== undefined) return Math.abs(finding.expiries.baselineMs - finding.expiries.candidateMs);
  const [a, b] = [finding.baseline, finding.candidate].map((tree) => (tree?.kind === 'leaf' ? tree.value : null));
  return apartMs(a, b, clock);
}
