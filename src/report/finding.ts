import type { Difference, DifferenceChange, DifferenceKind } from '../model/report.ts';
import type { StateKey } from '../model/state-key.ts';
import { pathOf, type Segment } from './paths.ts';
import { generalPath } from './places.ts';
import type { NameTemplates } from './templates.ts';
import type { Tree } from './tree.ts';
import { show } from './words.ts';

/** A difference before it is put into words: with its place step by step and both values, so that noise can be judged. */
export interface Finding {
  readonly kind: DifferenceKind;
  readonly change: DifferenceChange;
  readonly segments: readonly Segment[];
  readonly key?: StateKey;
  readonly baseline: Tree | null;
  readonly candidate: Tree | null;
  /** In place of the values, where they are not what differs. */
  readonly words?: { readonly baseline?: string; readonly candidate?: string };
  readonly message: string;
  /** Two expiries in ms where both were set: their distance is what noise may bound. */
  readonly expiries?: { readonly baselineMs: number; readonly candidateMs: number; readonly exact: boolean };
}

/** The difference that reports carry. */
export function differenceOf(finding: Finding, templates: NameTemplates): Difference {
  const baseline = finding.words?.baseline ?? show(finding.baseline, finding.candidate);
  const candidate = finding.words?.candidate ?? show(finding.candidate, finding.baseline);
  return {
    kind: finding.kind,
    path: generalPath(finding.segments, templates),
    ...finding.key === undefined ? {} : { key: finding.key },
    ...baseline === undefined ? {} : { baseline },
    ...candidate === undefined ? {} : { candidate },
    message: finding.message,
    change: finding.change,
    at: pathOf(finding.segments),
  };
}
