import { jsonpath } from 'json-p3';
import { ForeshardError } from '../model/errors.ts';
import type { Comparison } from './compare.ts';
import type { Finding } from './finding.ts';
import { pathOf, type Segment } from './paths.ts';
import { covers, locations, nest, RuleMatches, type Query } from './rule-matches.ts';
import type { NameTemplates } from './templates.ts';

/** What the user does not want compared: RFC 9535 JSONPaths into the outcome (`$.response.body.updatedAt`, `$..etag`, `$.writes['redis:0/lock:*']`). */
export interface UserRuleSettings {
  readonly ignore?: readonly string[] | undefined;
  readonly unordered?: readonly string[] | undefined;
}

/**
 * The user's rules over outcomes. State keys and call names may be written as they are or as their template, so
 * `$.writes['redis:0/cart:7']` and `$.writes['redis:0/cart:*']` both work.
 * Throws `config_invalid` for what is not a JSONPath, and for one that would ignore everything.
 */
export class UserRules {
  readonly ignore: readonly { readonly path: string; readonly query: Query }[];
  readonly #unordered: readonly Query[];
  readonly #unorderedPlaces = new Map<string, boolean>();
  readonly #templates: NameTemplates;
  /** Of the case that is being judged. */
  #matches: { readonly of: Comparison; readonly matches: RuleMatches } | undefined;

  constructor(settings: UserRuleSettings, templates: NameTemplates) {
    this.#templates = templates;
    this.ignore = (settings.ignore ?? []).map((path) => ({ path, query: compile(path, 'ignore') }));
    this.#unordered = (settings.unordered ?? []).map((path) => compile(path, 'unordered'));
  }

  /** Whether the user said that the items of this list have no order that counts. */
  isUnordered(place: readonly Segment[]): boolean {
    if (this.#unordered.length === 0) return false;
    const id = pathOf(place);
    let answer = this.#unorderedPlaces.get(id);
    if (answer === undefined) {
      answer = this.#spellings(place).some((spelling) => this.#unordered.some((query) => locations(query, nest(spelling, null)).some((found) => equal(found, spelling))));
      this.#unorderedPlaces.set(id, answer);
    }
    return answer;
  }

  /** The rule that ignores a finding: one that selects its place or anything above it, in either outcome. */
  ignoring(finding: Finding, comparison: Comparison): string | undefined {
    if (this.ignore.length === 0) return undefined;
    if (this.#matches?.of !== comparison) {
      const queries = this.ignore.map(({ query }) => query);
      this.#matches = { of: comparison, matches: new RuleMatches(queries, [comparison.baseline, comparison.candidate]) };
    }
    const { matches } = this.#matches;
    for (const spelling of this.#spellings(finding.segments)) {
      const rule = this.ignore[matches.find(finding.segments, spelling)];
      if (rule !== undefined) return rule.path;
    }
    return undefined;
  }

  /** A place with its state key or call as it is, and as its template. */
  #spellings(place: readonly Segment[]): (readonly Segment[])[] {
    const name = place[1];
    if (typeof name !== 'string' || (place[0] !== 'writes' && place[0] !== 'calls')) return [place];
    const space = name.indexOf(' ');
    const template = place[0] === 'writes' ? this.#templates.key(name) : this.#templates.route(name.slice(0, space), name.slice(space + 1));
    return template === name ? [place] : [place, [place[0], template, ...place.slice(2)]];
  }
}

function compile(path: string, setting: string): Query {
  try {
    const query = jsonpath.compile(path);
    if (path.trim() === '$') throw new Error('it selects everything');
    return query;
  } catch (cause) {
    throw new ForeshardError('config_invalid', `${setting}: '${path}' is not a JSONPath that can be used: ${(cause as Error).message}`, {
      hint: 'write it as in RFC 9535, for example $.response.body.updatedAt', cause,
    });
  }
}

function equal(a: readonly Segment[], b: readonly Segment[]): boolean {
  return a.length === b.length && covers(a, b);
}
