import { routeOf } from '../model/route.ts';
import { isPlain, looksGenerated } from './value-class.ts';

/** Distinct names at one place from which on the place holds an id rather than a word. */
const manyNames = 6;
/** Above this many names a place holds ids, whatever stands below them. */
const mostKinds = 24;

/**
 * Learns which segments of names are ids: those that look generated or are numbers, and those with many different values
 * behind the same beginning (`cart:alice`, `cart:bob`, …). Many values that each have many names of their own below them are
 * kinds of things behind a common prefix (`shop:cart:…`, `shop:session:…`), and stay.
 */
export class Templates {
  readonly #separators: RegExp;
  /** By generalised prefix: the names seen next, each with those seen after it. */
  readonly #seen = new Map<string, Map<string, Set<string>>>();
  /** By generalised prefix: how many names have an id next. There, what is no plain word is one too, though it does not look generated. */
  readonly #ids = new Map<string, number>();
  readonly #kinds = new Map<string, boolean>();

  /** `separators` must capture, so that split keeps them. Names are told first, then {@link of} is asked. */
  constructor(separators: RegExp, names: Iterable<string>) {
    this.#separators = separators;
    const parts = [...new Set(names)].map((name) => name.split(separators));
    const deepest = Math.min(12, parts.reduce((most, list) => Math.max(most, list.length), 0));
    // place by place from the left: what comes before a place is already generalised when its values are counted
    for (let place = 0; place < deepest; place += 2) for (const list of parts) this.#note(list, place);
  }

  /** The name with ids as `*`. */
  of(name: string): string {
    const parts = name.split(this.#separators);
    return parts.reduce((prefix, part, place) => prefix + (place % 2 === 1 ? part : this.#general(prefix, part, place)), '');
  }

  #note(parts: readonly string[], place: number): void {
    const part = parts[place];
    if (part === undefined) return;
    const prefix = parts.slice(0, place).reduce((before, piece, index) => before + (index % 2 === 1 ? piece : this.#general(before, piece, index)), '');
    if (isId(part)) {
      this.#ids.set(prefix, (this.#ids.get(prefix) ?? 0) + 1);
      return;
    }
    let seen = this.#seen.get(prefix);
    if (seen === undefined) this.#seen.set(prefix, (seen = new Map()));
    let below = seen.get(part);
    if (below === undefined && seen.size <= mostKinds) seen.set(part, (below = new Set()));
    const next = parts[place + 2];
    if (next !== undefined && below !== undefined && below.size <= 2 * mostKinds) below.add(next);
  }

  #general(prefix: string, part: string, place: number): string {
    if (isId(part) || (!isPlain(part) && (this.#ids.get(prefix) ?? 0) >= manyNames)) return '*';
    // the first place names the kind of thing, however many kinds there are
    return place > 0 && (this.#seen.get(prefix)?.size ?? 0) >= manyNames && !this.#holdsKinds(prefix) ? '*' : part;
  }

  #holdsKinds(prefix: string): boolean {
    let answer = this.#kinds.get(prefix);
    if (answer === undefined) this.#kinds.set(prefix, (answer = holdsKinds(this.#seen.get(prefix) ?? new Map<string, Set<string>>())));
    return answer;
  }
}

/** `follows:alice:bob`: what stands below an id may be ids of the same sort, which says nothing. */
function holdsKinds(names: ReadonlyMap<string, ReadonlySet<string>>): boolean {
  if (names.size > mostKinds) return false;
  const rich = [...names.values()].filter((below) => [...below].filter((name) => !names.has(name)).length >= manyNames).length;
  return rich >= 2 && rich * 4 >= names.size;
}

function isId(part: string): boolean {
  return /^\d+$/.test(part) || /^(?:[A-Za-z]+[_-])?\d{3,}$/.test(part) || looksGenerated(part) || looksGenerated(part.replace(/^[A-Za-z]+[_-]/, ''));
}

/** Templates of state keys (`redis:0/cart:7` → `redis:0/cart:*`) and of routes (`GET /carts/7?x=1` → `GET /carts/:id`). */
export interface NameTemplates {
  key(key: string): string;
  route(method: string, target: string): string;
}

/** Learns the templates of state keys from all the keys of a report, scope by scope. */
export function learnTemplates(keys: Iterable<string>): NameTemplates {
  const byScope = new Map<string, string[]>();
  for (const key of keys) {
    const { scope, name } = split(key);
    const names = byScope.get(scope);
    if (names === undefined) byScope.set(scope, [name]);
    else names.push(name);
  }
  const separators = /([:/|.])/;
  const templates = new Map([...byScope].map(([scope, names]) => [scope, new Templates(separators, names)] as const));
  const none = new Templates(separators, []);
  return {
    key: (key) => {
      const { scope, name } = split(key);
      return scope + (templates.get(scope) ?? none).of(name);
    },
    route: routeOf,
  };
}

function split(key: string): { readonly scope: string; readonly name: string } {
  const slash = key.indexOf('/') + 1;
  return { scope: key.slice(0, slash), name: key.slice(slash) };
}
