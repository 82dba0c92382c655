/*
 * Effects per key: was it written, which parts of it, its final value, what happened to its expiry. Which commands did it is
 * not compared: SETEX, SET EX and SET + EXPIRE are one effect. A write of what was already there is an effect all the same:
 * another request may have needed it.
 */
import type { DifferenceKind } from '../model/report.ts';
import type { ExpiryEffect } from '../model/run.ts';
import { diffTrees, type TreeChange } from './diff-tree.ts';
import type { WriteDocument } from './document.ts';
import { changeWords, expiryMessage, expiryOf, partName, partTree, placeInValue, whatWasDone, wholeKeyMessage } from './effect-words.ts';
import type { Finding } from './finding.ts';
import { anyIndex, type Segment } from './paths.ts';
import { valuePlace } from './places.ts';
import { canonical, leaf, typeOf, type Tree } from './tree.ts';
import { momentOf } from './value-class.ts';
import { show } from './words.ts';

/** Moments (of expiry, in ids of streams) are compared with a tolerance of as long as the cases went on, at least this: clocks run. */
export const leastClockToleranceMs = 1000;

/** How writes are compared. */
export interface WriteComparison {
  readonly emit: (finding: Finding) => void;
  readonly unordered: (segments: readonly Segment[]) => boolean;
  readonly clockToleranceMs: number;
}

/** Tells the differences between what the two wrote. */
export function compareWrites(baseline: ReadonlyMap<string, WriteDocument>, candidate: ReadonlyMap<string, WriteDocument>, options: WriteComparison): void {
  for (const [key, write] of baseline) {
    const other = candidate.get(key);
    if (other === undefined) options.emit(wholeKey('write_missing', write));
    else compareWrite(write, other, options);
  }
  for (const [key, write] of candidate) if (!baseline.has(key)) options.emit(wholeKey('write_extra', write));
}

function wholeKey(kind: 'write_missing' | 'write_extra', write: WriteDocument): Finding {
  const missing = kind === 'write_missing';
  const told: Tree = write.after ?? leaf('(deleted)');
  return {
    kind, change: missing ? 'missing' : 'extra', segments: ['writes', write.key], key: write.stateKey, message: wholeKeyMessage(kind, write),
    baseline: missing ? told : null, candidate: missing ? null : told, words: { [missing ? 'baseline' : 'candidate']: whatWasDone(write) },
  };
}

function compareWrite(baseline: WriteDocument, candidate: WriteDocument, options: WriteComparison): void {
  const { key } = baseline;
  if (baseline.after === null || candidate.after === null) {
    if (baseline.after === candidate.after) return;
    const deleted = candidate.after === null;
    options.emit({
      kind: 'write_changed', change: 'type', segments: ['writes', key], key: baseline.stateKey,
      baseline: baseline.after ?? leaf('(deleted)'), candidate: candidate.after ?? leaf('(deleted)'),
      words: deleted ? { candidate: 'deleted' } : { baseline: 'deleted' },
      message: `${key} is ${deleted ? 'deleted instead of written' : 'written instead of deleted'}`,
    });
    return;
  }
  if (baseline.type === candidate.type) {
    compareValues(baseline, candidate, options);
    compareWritten(baseline, candidate, options);
  } else {
    options.emit({
      kind: 'write_changed', change: 'type', segments: ['writes', key], key: baseline.stateKey, baseline: baseline.after, candidate: candidate.after,
      words: { baseline: `${baseline.type} ${show(baseline.after)}`, candidate: `${candidate.type} ${show(candidate.after)}` },
      message: `${key} is a ${candidate.type} instead of a ${baseline.type}`,
    });
  }
  const expiry = compareExpiry(baseline, candidate, options);
  if (expiry !== undefined) options.emit(expiry);
}

/** Final values, part by part: a part that only one of the two wrote is a missing or extra write, not a changed one. */
function compareValues(baseline: WriteDocument, candidate: WriteDocument, options: WriteComparison): void {
  const root = valuePlace(baseline);
  const told = new Set<string>();
  diffTrees(baseline.after as Tree, candidate.after as Tree, root, {
    unordered: options.unordered,
    emit: (change) => {
      const part = partOf(baseline, change, root.length);
      if (part !== undefined) told.add(part);
      if (isNearbyStreamId(change, options)) return;
      options.emit(valueFinding(baseline, candidate, change, part));
    },
  });
  const candidateWroteWhole = candidate.parts.size === 0 && candidate.valueWritten;
  if (candidateWroteWhole || !candidate.valueWritten) return;
  for (const part of baseline.parts) {
    if (candidate.parts.has(part) || told.has(part)) continue;
    options.emit({
      kind: 'write_missing', change: 'missing', segments: baseline.type === 'hash' ? [...root, part] : [...root, anyIndex], key: baseline.stateKey,
      baseline: partTree(baseline, part), candidate: null,
      message: `${baseline.key}: ${partName(baseline, part)} is no longer written (it already ${partTree(baseline, part) === null ? 'was gone' : 'had the value'})`,
    });
  }
}

function partOf(write: WriteDocument, change: TreeChange, depth: number): string | undefined {
  if (write.type === 'hash') return change.segments[depth] as string | undefined;
  return write.type === 'set' || write.type === 'zset' ? change.label : undefined;
}

function valueFinding(baseline: WriteDocument, candidate: WriteDocument, change: TreeChange, part: string | undefined): Finding {
  const kind = kindOfPart(baseline, candidate, change, part);
  const keeps = kind === 'write_missing' && change.candidate !== null || kind === 'write_extra' && change.baseline !== null;
  const what = {
    write_missing: `is no longer written${keeps ? ' and keeps what it had' : ''}`, write_extra: 'is written, which the baseline did not do', write_changed: changeWords[change.change],
  }[kind];
  return {
    kind, change: change.change === 'name' ? 'value' : change.change, segments: change.segments, key: baseline.stateKey,
    baseline: change.baseline, candidate: change.candidate, message: `${baseline.key}: ${placeInValue(baseline, change, part)} ${what}`,
  };
}

/** Who wrote the part decides: only the baseline → missing, only the candidate → extra, both or no parts known → by what is seen. */
function kindOfPart(baseline: WriteDocument, candidate: WriteDocument, change: TreeChange, part: string | undefined): Extract<DifferenceKind, `write_${string}`> {
  const wholePart = part !== undefined && (change.change === 'missing' || change.change === 'extra') && isWholePart(baseline, change);
  const byBaseline = part !== undefined && baseline.parts.has(part);
  const byCandidate = part !== undefined && candidate.parts.has(part);
  if (byBaseline !== byCandidate && (baseline.parts.size > 0 || candidate.parts.size > 0)) {
    const loneWriterIsWhole = byBaseline ? candidate.parts.size === 0 && candidate.valueWritten : baseline.parts.size === 0 && baseline.valueWritten;
    if (!loneWriterIsWhole) return byBaseline ? 'write_missing' : 'write_extra';
  }
  if (wholePart && !(byBaseline && byCandidate)) return change.change === 'missing' ? 'write_missing' : 'write_extra';
  return 'write_changed';
}

function isWholePart(write: WriteDocument, change: TreeChange): boolean {
  return change.segments.length === valuePlace(write).length + 1;
}

/** Value written by only one of the two although both touched the key. */
function compareWritten(baseline: WriteDocument, candidate: WriteDocument, options: WriteComparison): void {
  if (baseline.valueWritten === candidate.valueWritten) return;
  if (canonical(baseline.after as Tree) !== canonical(candidate.after as Tree)) return; // already told by its value
  const missing = baseline.valueWritten;
  options.emit({
    kind: missing ? 'write_missing' : 'write_extra', change: missing ? 'missing' : 'extra', segments: valuePlace(baseline), key: baseline.stateKey,
    baseline: missing ? baseline.after : null, candidate: missing ? null : candidate.after,
    message: `${baseline.key}: the value is ${missing ? 'no longer written, only its expiry is (it already had the value)' : 'written again, where the baseline changed only its expiry'}`,
  });
}

function compareExpiry(baseline: WriteDocument, candidate: WriteDocument, { clockToleranceMs }: WriteComparison): Finding | undefined {
  const [before, after] = [baseline.expiry, candidate.expiry];
  if (sameExpiry(before, after, clockToleranceMs)) return undefined;
  const words = { baseline: expiryOf(baseline), candidate: expiryOf(candidate) };
  const bothSet = before !== null && after !== null && before.kind !== 'cleared' && after.kind !== 'cleared';
  return {
    kind: 'expiry', change: before === null ? 'extra' : after === null ? 'missing' : 'value', segments: ['writes', baseline.key, 'expiry'], key: baseline.stateKey,
    baseline: null, candidate: null, words,
    message: `${baseline.key}: ${expiryMessage(before, after)}`,
    ...bothSet ? { expiries: { baselineMs: before.ms, candidateMs: after.ms, exact: before.kind === 'relative' && after.kind === 'relative' } } : {},
  };
}

/** Relative times exactly; as soon as one is a moment, within the tolerance. */
function sameExpiry(a: ExpiryEffect | null, b: ExpiryEffect | null, toleranceMs: number): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind === 'cleared' || b.kind === 'cleared') return a.kind === b.kind;
  if (a.kind === 'relative' && b.kind === 'relative') return a.ms === b.ms;
  return Math.abs(a.ms - b.ms) <= toleranceMs;
}

/** Ids that a stream gave itself follow the clock; entries of the same place within the tolerance are the same entry. */
function isNearbyStreamId(change: TreeChange, { clockToleranceMs }: WriteComparison): boolean {
  if (change.change !== 'value' || change.segments.at(-1) !== 'id' || change.segments[2] !== 'items') return false;
  const moments = [change.baseline, change.candidate].map((tree) => (tree?.kind === 'leaf' && typeOf(tree) === 'string' ? /^(\d{13})-(\d+)$/.exec(String(tree.value)) : null));
  const [a, b] = moments;
  if (!a || !b || momentOf(a[1]) === undefined) return false; // the second number only counts those of one millisecond
  return Math.abs(Number(a[1]) - Number(b[1])) <= clockToleranceMs;
}
