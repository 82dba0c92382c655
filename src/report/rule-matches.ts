import { jsonpath, type JSONValue } from 'json-p3';
import type { CaseDocument } from './document.ts';
import { anyIndex, pathOf, type Segment } from './paths.ts';
import { rootsOf } from './places.ts';
import { plain, type Tree } from './tree.ts';

/** A compiled RFC 9535 query. */
export type Query = ReturnType<typeof jsonpath.compile>;

interface Root { readonly place: readonly Segment[]; readonly tree: Tree }

/** What queries select in the outcomes of one case. Each is asked once for each part of an outcome, however many places differ in it. */
export class RuleMatches {
  readonly #queries: readonly Query[];
  readonly #roots = new Map<string, Root[]>();
  readonly #selected = new Map<string, Selection[]>();

  constructor(queries: readonly Query[], documents: readonly CaseDocument[]) {
    this.#queries = queries;
    for (const root of documents.flatMap(rootsOf)) {
      const id = idOf(root.place);
      this.#roots.set(id, [...this.#roots.get(id) ?? [], root]);
    }
  }

  /**
   * The index of the first query that selects a place or anything above it; -1 when none does. `spelling`: the place with a name for
   * its state key or call that the queries may use.
   */
  find(place: readonly Segment[], spelling: readonly Segment[]): number {
    const roots = this.#roots.get(idOf(place)) ?? [];
    const selections = this.#selectionsOf(idOf(place), roots, spelling);
    const known = roots.some((root) => reaches(root, place));
    return this.#queries.findIndex((query, index) => selections[index]?.covers(spelling)
      || (!known && locations(query, nest(spelling, null)).some((found) => covers(found, spelling))));
  }

  #selectionsOf(id: string, roots: readonly Root[], spelling: readonly Segment[]): Selection[] {
    const spelled = `${id}\n${String(spelling[1])}`;
    let found = this.#selected.get(spelled);
    if (found === undefined) {
      const documents = roots.map(({ place, tree }) => nest([...place.slice(0, 1), ...place.length > 1 ? [spelling[1] as Segment] : [], ...place.slice(2)], plain(tree)));
      found = this.#queries.map((query) => new Selection(documents.flatMap((document) => locations(query, document))));
      this.#selected.set(spelled, found);
    }
    return found;
  }
}

/** The part of an outcome that a place is in: the response, one key, one call, one channel. */
function idOf(place: readonly Segment[]): string {
  return place[0] === 'response' ? 'response' : `${String(place[0])}\n${String(place[1])}`;
}

/** Places that one query selects. */
class Selection {
  readonly #found: readonly (readonly Segment[])[];
  readonly #paths: ReadonlySet<string>;
  readonly #answers = new Map<string, boolean>();

  constructor(found: readonly (readonly Segment[])[]) {
    this.#found = found;
    this.#paths = new Set(found.map(pathOf));
  }

  covers(place: readonly Segment[]): boolean {
    if (this.#found.length === 0) return false;
    if (!place.includes(anyIndex)) return place.some((_, index) => this.#paths.has(pathOf(place.slice(0, index + 1))));
    const id = pathOf(place);
    const answer = this.#answers.get(id) ?? this.#found.some((found) => covers(found, place));
    this.#answers.set(id, answer);
    return answer;
  }
}

/** Whether there is something at a place that begins at this root, or above it. */
function reaches(root: Root, place: readonly Segment[]): boolean {
  const common = Math.min(root.place.length, place.length);
  if (!root.place.slice(0, common).every((segment, index) => segment === place[index])) return false;
  let tree: Tree | undefined = root.tree;
  for (const segment of place.slice(common)) tree = tree && stepInto(tree, segment);
  return tree !== undefined;
}

function stepInto(tree: Tree, segment: Segment): Tree | undefined {
  switch (tree.kind) {
    case 'object': return tree.entries.get(String(segment));
    case 'list': return tree.items[segment === anyIndex ? 0 : Number(segment)];
    case 'bag': return tree.items[0]?.tree;
    case 'embedded': return stepInto(tree.inner, segment);
    case 'leaf': case 'binary': return undefined;
  }
}

/** The places that a query selects. */
export function locations(query: Query, document: unknown): (string | number)[][] {
  return query.query(document as JSONValue).locations();
}

/** A document in which nothing but a value at this place is. "Every item" stands at index 0. */
export function nest(place: readonly Segment[], value: unknown): unknown {
  return place.reduceRight<unknown>((inner, segment) => {
    if (typeof segment === 'string') return { [segment]: inner };
    const items: unknown[] = Array.from({ length: Math.max(0, Math.min(segment, 10_000)) }, () => null);
    return [...items, inner];
  }, value);
}

/** Whether the first place is the second or above it. */
export function covers(above: readonly Segment[], place: readonly Segment[]): boolean {
  return above.length <= place.length && above.every((segment, index) => segment === place[index] || (typeof segment === 'number' && place[index] === anyIndex));
}
