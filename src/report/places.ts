import type { ElementType } from '../model/element.ts';
import type { CallDocument, CaseDocument, WriteDocument } from './document.ts';
import { anyIndex, generalise, generalName, pathOf, type Segment } from './paths.ts';
import type { NameTemplates } from './templates.ts';
import { leafCount, type Tree } from './tree.ts';

/** Where the response's parts are. */
export const responsePlace: readonly Segment[] = ['response'];

/** Where the value of a written element is: `value` of strings, `fields` of hashes, `members` of sets, `items` of lists. */
export function valuePlace(write: WriteDocument, type: ElementType | null = write.type): readonly Segment[] {
  const part = { string: ['value'], hash: ['fields'], set: ['members'], zset: ['members'], list: ['items'], stream: [] };
  return ['writes', write.key, ...type === null ? ['value'] : part[type]];
}

/** Where a call is. */
export function callPlace(call: CallDocument): readonly Segment[] {
  return ['calls', `${call.method} ${call.target.replace(/\?.*$/s, '')}`];
}

/** A place with all that is particular to one case generalised: state keys and calls to their templates, indexes to any. */
export function generalPlace(segments: readonly Segment[], templates: NameTemplates): readonly Segment[] {
  return generalise(segments, (segment, depth) => {
    if (depth !== 1) return generalName(segment);
    if (segments[0] === 'writes') return templates.key(segment);
    if (segments[0] !== 'calls') return generalName(segment);
    const space = segment.indexOf(' ');
    return templates.route(segment.slice(0, space), segment.slice(space + 1));
  });
}

/** The RFC 9535 path of a {@link generalPlace}: what groups and noise rules go by. */
export function generalPath(segments: readonly Segment[], templates: NameTemplates): string {
  return pathOf(generalPlace(segments, templates));
}

/** The tree that stands at the beginning of a place, with the place's first steps: for queries. */
export function rootsOf(document: CaseDocument): { readonly place: readonly Segment[]; readonly tree: Tree }[] {
  return [
    ...document.response === null ? [] : [{ place: responsePlace, tree: document.response }],
    ...[...document.writes.values()].flatMap((write) => (write.after === null ? [] : [{ place: valuePlace(write), tree: write.after }])),
    ...document.calls.map((call) => ({ place: callPlace(call), tree: call.tree })),
    ...[...document.messages].map(([channel, items]) => ({ place: ['messages', channel], tree: { kind: 'list' as const, items } })),
  ];
}

/** How many leaves of a document are at places that generalise to `rule`. */
export function leavesAt(document: CaseDocument, rule: readonly Segment[], templates: NameTemplates): number {
  let leaves = 0;
  for (const { place, tree } of rootsOf(document)) {
    if (place[0] !== rule[0]) continue;
    const general = generalPlace(place, templates);
    if (general.every((segment, index) => segment === rule[index])) leaves += leavesBelow(tree, rule, general.length);
  }
  return leaves;
}

function leavesBelow(tree: Tree, rule: readonly Segment[], depth: number): number {
  if (depth >= rule.length) return leafCount(tree);
  const segment = rule[depth] as Segment;
  const sum = (trees: Iterable<Tree>): number => [...trees].reduce((total, child) => total + leavesBelow(child, rule, depth + 1), 0);
  switch (tree.kind) {
    case 'embedded': return segment === 'signature' && tree.signature !== undefined ? 1 : leavesBelow(tree.inner, rule, depth);
    case 'list': return segment === anyIndex ? sum(tree.items) : 0;
    case 'bag': return segment === anyIndex ? sum(tree.items.map((item) => item.tree)) : 0;
    case 'object': {
      if (typeof segment !== 'string') return 0;
      if (segment.includes('*')) return sum([...tree.entries].filter(([name]) => generalName(name) === segment).map(([, child]) => child));
      const child = tree.entries.get(segment);
      return child === undefined ? 0 : leavesBelow(child, rule, depth + 1);
    }
    case 'leaf': case 'binary': return 0;
  }
}
