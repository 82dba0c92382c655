import type { DifferenceKind } from '../model/report.ts';
import { pairLeftovers } from './align.ts';
import { diffTrees, type WalkOptions } from './diff-tree.ts';
import type { CallDocument } from './document.ts';
import type { Finding } from './finding.ts';
import { callPlace } from './places.ts';
import type { Segment } from './paths.ts';
import { canonical, leaf, type Tree } from './tree.ts';
import { shorten } from './words.ts';

/** Where findings go, and which lists have no order. */
export interface CallComparison {
  readonly emit: (finding: Finding) => void;
  readonly unordered: NonNullable<WalkOptions['unordered']>;
}

interface Pair { readonly baseline: CallDocument; readonly candidate: CallDocument }

/**
 * Tells the differences between the calls to dependencies. Calls are matched as sets: same dependency, method, target and
 * contents first, then the same target, then what is left with the same dependency and method. Order counts only among calls
 * that may change something (not GET, HEAD, OPTIONS) to one dependency, and only where the baseline waited for one before the other.
 */
export function compareCalls(baseline: readonly CallDocument[], candidate: readonly CallDocument[], options: CallComparison): void {
  const { pairs, missing, extra } = matchCalls(baseline, candidate);
  for (const pair of pairs) compareCall(pair, options);
  for (const call of missing) options.emit(loneCall('call_missing', call));
  for (const call of extra) options.emit(loneCall('call_extra', call));
  for (const finding of orderFindings(pairs, baseline, candidate)) options.emit(finding);
}

function matchCalls(baseline: readonly CallDocument[], candidate: readonly CallDocument[]): { pairs: Pair[]; missing: CallDocument[]; extra: CallDocument[] } {
  const pairs: Pair[] = [];
  let missing = [...baseline];
  let extra = [...candidate];
  const route = (call: CallDocument): string => `${call.dependency} ${call.method}`;
  const path = (call: CallDocument): string => call.target.replace(/\?.*$/s, '');
  for (const key of [
    (call: CallDocument): string => `${route(call)} ${canonical(call.tree)}`,
    (call: CallDocument): string => `${route(call)} ${call.target}`,
    (call: CallDocument): string => `${route(call)} ${path(call)}`,
    route,
  ]) {
    const found = pairLeftovers(missing, extra, { shape: key, text: (call) => canonical(call.tree) });
    pairs.push(...found.map(([mine, theirs]) => ({ baseline: mine, candidate: theirs })));
    const paired = new Set(found.flat());
    missing = missing.filter((call) => !paired.has(call));
    extra = extra.filter((call) => !paired.has(call));
  }
  return { pairs, missing, extra };
}

function compareCall(pair: Pair, options: CallComparison): void {
  const place = callPlace(pair.baseline);
  diffTrees(pair.baseline.tree, pair.candidate.tree, place, {
    unordered: options.unordered,
    emit: (change) => {
      const at = change.segments.slice(place.length).join('.');
      options.emit({
        kind: 'call_changed', change: change.change === 'name' ? 'value' : change.change, segments: change.segments,
        baseline: change.baseline, candidate: change.candidate, message: `call ${nameOf(pair.baseline)}: ${at} differs`,
      });
    },
  });
}

function loneCall(kind: Extract<DifferenceKind, 'call_missing' | 'call_extra'>, call: CallDocument): Finding {
  const missing = kind === 'call_missing';
  const body = call.tree.entries.get('body');
  const told: Tree = body ?? leaf(`${call.method} ${call.target}`);
  return {
    kind, change: missing ? 'missing' : 'extra', segments: callPlace(call), baseline: missing ? told : null, candidate: missing ? null : told,
    ...body === undefined ? { words: { [missing ? 'baseline' : 'candidate']: `${call.method} ${call.target}` } } : {},
    message: `call ${nameOf(call)} is ${missing ? 'no longer made' : 'made, which the baseline did not do'}`,
  };
}

function nameOf(call: CallDocument): string {
  return `${call.method} ${shorten(call.target, 120)} to ${call.dependency}`;
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

function orderFindings(pairs: readonly Pair[], baseline: readonly CallDocument[], candidate: readonly CallDocument[]): Finding[] {
  const counterpart = new Map(pairs.map((pair) => [pair.baseline, pair.candidate]));
  const position = new Map(candidate.map((call, index) => [call, index]));
  const findings: Finding[] = [];
  for (const dependency of new Set(baseline.map((call) => call.dependency))) {
    const ordered = baseline.filter((call) => call.dependency === dependency && !safeMethods.has(call.method) && counterpart.has(call));
    const positions = ordered.map((call) => position.get(counterpart.get(call) as CallDocument) as number);
    if (!isReordered(ordered, positions, baseline)) continue;
    const name = (call: CallDocument): string => `${call.method} ${call.target}`;
    const reordered = [...positions].sort((a, b) => a - b).map((at) => candidate[at] as CallDocument);
    const place: readonly Segment[] = ['calls'];
    findings.push({
      kind: 'order', change: 'order', segments: place, baseline: null, candidate: null,
      words: { baseline: ordered.map(name).join(', '), candidate: reordered.map(name).join(', ') },
      message: `calls to ${dependency} are made in another order`,
    });
  }
  return findings;
}

/** Whether two calls stand the other way round of which the baseline made one after the other had its answer. */
function isReordered(ordered: readonly CallDocument[], positions: readonly number[], baseline: readonly CallDocument[]): boolean {
  if (positions.every((at, index) => index === 0 || at > (positions[index - 1] as number))) return false;
  if (ordered.every(({ during }) => during.length === 0)) return true;
  const places = new Map(baseline.map((call, index) => [call, index]));
  return ordered.some((later, index) => ordered.slice(0, index).some((earlier, before) =>
    (positions[before] as number) > (positions[index] as number) && !later.during.includes(places.get(earlier) as number)));
}
