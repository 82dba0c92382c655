import { routeOf } from '../model/route.ts';
import { looksGenerated } from './value-class.ts';

/** Distinct names at one place from which on the place holds an id rather than a word. */
const manyNames = 6;

/**
 * Learns which segments of names are ids: those that look generated or are numbers, and those with many different values
 * behind the same beginning (`cart:alice`, `cart:bob`, …).
 */
export class Templates {
  readonly #separators: RegExp;
  readonly #seen = new Map<string, Set<string>>();

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
    if (part === undefined || isId(part)) return;
    const prefix = parts.slice(0, place).reduce((before, piece, index) => before + (index % 2 === 1 ? piece : this.#general(before, piece, index)), '');
    const seen = this.#seen.get(prefix);
    if (seen === undefined) this.#seen.set(prefix, new Set([part]));
    else if (seen.size < manyNames) seen.add(part);
  }

  #general(prefix: string, part: string, place: number): string {
    if (isId(part)) return '*';
    // the first place names the kind of thing, however many kinds there are
    return place > 0 && (this.#seen.get(prefix)?.size ?? 0) >= manyNames ? '*' : part;
  }
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
