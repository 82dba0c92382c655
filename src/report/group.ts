import type { CaseReport, Difference, DifferenceGroup } from '../model/report.ts';
import type { RequestId } from '../model/recording.ts';

/** Differences of all cases by cause: kind, route, generalised path and what happened there; the one with most cases first. */
export function groupDifferences(cases: readonly CaseReport[]): DifferenceGroup[] {
  const groups = new Map<string, { first: Difference; route: string; cases: Set<RequestId> }>();
  for (const entry of cases) {
    if (entry.verdict !== 'differs') continue;
    const route = entry.route ?? entry.method;
    for (const difference of entry.differences) {
      const id = [difference.kind, route, difference.path, difference.change].join('\n');
      const group = groups.get(id);
      if (group === undefined) groups.set(id, { first: difference, route, cases: new Set([entry.id]) });
      else group.cases.add(entry.id);
    }
  }
  return mergeRoutes([...groups.values()])
    .map(({ first, route, cases: ids }): DifferenceGroup => ({
      kind: first.kind, path: first.path, route, cases: [...ids], example: first, ...first.change === undefined ? {} : { change: first.change },
    }))
    .sort((a, b) => b.cases.length - a.cases.length || (a.route < b.route ? -1 : a.route > b.route ? 1 : 0) || (a.path < b.path ? -1 : 1));
}

interface Group { readonly first: Difference; readonly route: string; readonly cases: ReadonlySet<RequestId> }

/** From so many routes on that differ in one segment only, and all show the same difference, they are one cause: `/carts/alice`, `/carts/bob` … */
const manyRoutes = 3;

function mergeRoutes(groups: readonly Group[]): Group[] {
  const byPattern = new Map<string, Group[]>();
  for (const group of groups) {
    for (const pattern of patternsOf(group.route)) {
      const id = [pattern, group.first.kind, group.first.path, group.first.change].join('\n');
      byPattern.set(id, [...byPattern.get(id) ?? [], group]);
    }
  }
  const merged = new Set<Group>();
  const out: Group[] = [];
  for (const [id, candidates] of [...byPattern].sort((a, b) => b[1].length - a[1].length)) {
    const members = candidates.filter((group) => !merged.has(group));
    if (members.length < manyRoutes) continue;
    for (const group of members) merged.add(group);
    const cases = new Set(members.flatMap((group) => [...group.cases]).sort());
    out.push({ first: (members[0] as Group).first, route: id.slice(0, id.indexOf('\n')), cases });
  }
  return [...out, ...groups.filter((group) => !merged.has(group))];
}

/** The route with each of its segments but the first as `*`. */
function patternsOf(route: string): string[] {
  const segments = route.split('/');
  return segments.flatMap((_, place) => (place < 2 ? [] : [segments.map((segment, index) => (index === place ? '*' : segment)).join('/')]));
}
