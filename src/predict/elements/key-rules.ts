/*
 * Which elements does a request touch? Often its target says: `GET /carts/7` reads `cart:7`. A rule makes keys out of the parameters of a route: the ids in its path (by place: `{1}`,
 * `{2}`, or by the names of a template such as `/carts/:id`), its query (`{query.user}`) and its sender (`{actor}`). Rules are written by people, or learnt: where a
 * parameter's text stands in the keys a request touched, time after time, that is a rule; keys that a route touches every time are rules without a parameter.
 */
import { looksLikeId } from '../../model/route.ts';
import type { StateKey } from '../../model/state-key.ts';
import type { AccessEvent, RequestEvent } from '../../model/traffic.ts';

/** What a route does to elements. */
export interface KeyRule {
  /** `METHOD /template`; ids of the path as `:id` or by names of their own. */
  readonly route: string;
  /** A state key with parameters in braces; a brace of the key itself is doubled. */
  readonly key: string;
  readonly access: 'read' | 'write';
  /** Share of the route's requests that do it, 0 to 1; 1 when left out. */
  readonly share?: number;
}

/** A request with the elements it touched, to learn from. */
export interface ObservedRequest {
  readonly request: RequestEvent;
  readonly accesses: readonly { readonly key: StateKey; readonly access: 'read' | 'write' }[];
}

const leastRequests = 3;
const leastShare = 0.05;
const leastParameter = 1;

/** Parameters of a request by the names that rules use. */
export function parametersOf(request: Pick<RequestEvent, 'target' | 'actor'>, template?: string): Map<string, string> {
  const parameters = new Map<string, string>();
  if (request.actor !== null) parameters.set('actor', request.actor);
  if (request.target === null) return parameters;
  const path = pathOf(request.target);
  const query = request.target.split('?', 2)[1] ?? '';
  const names = template?.split(' ').at(-1)?.split('/') ?? [];
  let place = 0;
  path.split('/').forEach((segment, index) => {
    const text = decoded(segment);
    const name = names[index];
    if (name?.startsWith(':') === true && name !== ':id') parameters.set(name.slice(1), text);
    if (looksLikeId(segment) || name?.startsWith(':') === true) {
      parameters.set(String(++place), text);
      if (place === 1) parameters.set('id', text);
    } else {
      const number = /^[A-Za-z]+[-_:~](\d+)$/.exec(segment);
      if (number !== null) parameters.set(String(++place), number[1] as string);
    }
  });
  for (const [name, value] of new URLSearchParams(query)) if (!parameters.has(`query.${name}`)) parameters.set(`query.${name}`, value);
  return parameters;
}

function pathOf(target: string): string {
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split('?', 1)[0] as string;
}

/** What has to agree before segments are compared. */
function shapeOf(route: string, segments: number): string {
  return `${route.includes(' ') ? route.split(' ', 1)[0] : ''} ${segments}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Rules by route, applied to requests. */
export class KeyRules {
  readonly rules: readonly KeyRule[];
  readonly #byRoute = new Map<string, KeyRule[]>();
  /** Templates by method and number of segments; those with more literal segments first. */
  readonly #templates = new Map<string, { readonly segments: readonly string[]; readonly route: string }[]>();

  /** `byTemplate`: parameters of a template take any text, as people who write rules mean it; otherwise only what looks like an id, as routes of logs are told apart. */
  constructor(rules: readonly KeyRule[], options: { readonly byTemplate?: boolean } = {}) {
    this.rules = rules;
    for (const rule of rules) {
      const route = generic(rule.route);
      const known = this.#byRoute.get(route);
      if (known !== undefined) known.push(rule);
      else {
        this.#byRoute.set(route, [rule]);
        if (options.byTemplate === true) this.#addTemplate(route);
      }
    }
  }

  #addTemplate(route: string): void {
    const segments = (route.split(' ').at(-1) ?? '').split('/');
    const shape = shapeOf(route, segments.length);
    const templates = [...this.#templates.get(shape) ?? [], { segments, route }];
    const literals = (one: readonly string[]): number => one.filter((segment) => !segment.startsWith(':')).length;
    this.#templates.set(shape, templates.sort((a, b) => literals(b.segments) - literals(a.segments)));
  }

  #rulesOf({ route, target }: Pick<RequestEvent, 'route' | 'target'>): readonly KeyRule[] {
    const known = this.#byRoute.get(generic(route));
    if (known !== undefined || target === null || this.#templates.size === 0) return known ?? [];
    const segments = pathOf(target).split('/');
    const found = this.#templates.get(shapeOf(route, segments.length))?.find((template) => template.segments.every((segment, index) => segment.startsWith(':') || segment === segments[index]));
    return found === undefined ? [] : this.#byRoute.get(found.route) ?? [];
  }

  /** Whether any rule is about this route. */
  knows(route: string): boolean {
    return this.#byRoute.has(generic(route));
  }

  /** The elements a request is expected to touch, with how likely; a rule whose parameters the request has not says nothing. */
  keysOf(request: Pick<RequestEvent, 'route' | 'target' | 'actor'>): { readonly key: StateKey; readonly access: 'read' | 'write'; readonly share: number }[] {
    return this.#rulesOf(request).flatMap((rule) => {
      const parameters = parametersOf(request, rule.route);
      let isComplete = true;
      const key = rule.key.replace(/\{\{|\}\}|\{([^{}]+)\}/g, (match, name: string | undefined) => {
        if (name === undefined) return match[0] as string;
        const value = parameters.get(name);
        if (value === undefined) isComplete = false;
        return value ?? '';
      });
      return isComplete ? [{ key, access: rule.access, share: rule.share ?? 1 }] : [];
    });
  }

  /** The accesses that a request of a log without state stands for: those of rules that hold more often than not. */
  *accesses(request: RequestEvent): Generator<AccessEvent> {
    for (const { key, access, share } of this.keysOf(request)) {
      if (share >= 0.5) yield { kind: 'access', key, access, at: request.at, request: request.request, route: request.route };
    }
  }
}

/** `/carts/:cart/items/:item` and `/carts/:id/items/:id` are one route. */
function generic(route: string): string {
  return route.replace(/:[A-Za-z_][A-Za-z0-9_]*/g, ':id');
}

/** Learns rules from requests whose elements are known. */
export function learnKeyRules(observed: Iterable<ObservedRequest>): KeyRules {
  const routes = new Map<string, { requests: number; readonly templates: Map<string, { readonly rule: KeyRule; count: number; readonly keys: Set<StateKey> }> }>();
  for (const { request, accesses } of observed) {
    let route = routes.get(request.route);
    if (route === undefined) routes.set(request.route, (route = { requests: 0, templates: new Map() }));
    route.requests++;
    const parameters = [...parametersOf(request)].filter(([name, value]) => value.length >= leastParameter && name !== 'id');
    const seen = new Set<string>();
    for (const { key, access } of accesses) {
      const template = templateOf(key, parameters);
      const id = `${access} ${template}`;
      if (seen.has(id)) continue;
      seen.add(id);
      const known = route.templates.get(id);
      if (known === undefined) route.templates.set(id, { rule: { route: request.route, key: template, access }, count: 1, keys: new Set([key]) });
      else {
        known.count++;
        if (known.keys.size < 2) known.keys.add(key);
      }
    }
  }
  const rules: KeyRule[] = [];
  for (const { requests, templates } of routes.values()) {
    if (requests < leastRequests) continue;
    for (const { rule, count } of templates.values()) {
      const share = count / requests;
      if (share >= leastShare && count >= leastRequests) rules.push({ ...rule, share: Math.round(share * 1000) / 1000 });
    }
  }
  return new KeyRules(rules.sort((a, b) => (a.route < b.route ? -1 : a.route > b.route ? 1 : (b.share ?? 1) - (a.share ?? 1))));
}

/** A key with the parameters of its request in place of their texts: whole pieces only, longer texts first. */
function templateOf(key: StateKey, parameters: readonly (readonly [string, string])[]): string {
  const slash = key.indexOf('/') + 1;
  let name = key.slice(slash).replace(/[{}]/g, '$&$&');
  for (const [parameter, value] of [...parameters].sort((a, b) => b[1].length - a[1].length)) {
    const escaped = value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    name = name.replace(new RegExp(`(^|[^A-Za-z0-9])${escaped}(?![A-Za-z0-9])`, 'g'), `$1{${parameter}}`);
  }
  return key.slice(0, slash).replace(/[{}]/g, '$&$&') + name;
}
