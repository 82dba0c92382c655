/*
 * Which service calls which, and how often for each of its own requests. A rise that is forecast upstream is carried down: where most requests of a route come
 * from calls of another service, its future is that service's future times the calls it makes for each request, whatever its own past says.
 */
import type { CallEvent, RequestEvent } from '../../model/traffic.ts';

/** A service's route in the graph. */
export interface GraphNode {
  readonly service: string;
  readonly route: string;
  readonly requests: number;
}

/** Calls from one route, or a service as a whole, to another. */
export interface GraphEdge {
  readonly from: { readonly service: string; readonly route: string | null };
  readonly to: { readonly service: string; readonly route: string };
  readonly calls: number;
  /** Calls for each request of the caller: its fan-out along this edge. */
  readonly callsPerRequest: number;
}

/** The service dependency graph. */
export interface ServiceGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

const separator = '\u0000';
/** Rounds in which a rise is carried on: no chain of services is deeper. */
const rounds = 12;

/** The name of a series of requests: service and route. */
export function seriesName(service: string, route: string): string {
  return service === '' ? route : `${service} ${route}`;
}

/** Collects requests and calls. */
export class DependencyGraph {
  readonly #requests = new Map<string, number>();
  readonly #services = new Map<string, number>();
  readonly #calls = new Map<string, { readonly event: CallEvent; calls: number }>();

  request({ service, route }: RequestEvent): void {
    const name = `${service}${separator}${route}`;
    this.#requests.set(name, (this.#requests.get(name) ?? 0) + 1);
    this.#services.set(service, (this.#services.get(service) ?? 0) + 1);
  }

  call(event: CallEvent): void {
    const name = [event.from.service, event.from.route ?? '', event.to.service, event.to.route].join(separator);
    const known = this.#calls.get(name);
    if (known === undefined) this.#calls.set(name, { event, calls: 1 });
    else known.calls++;
  }

  /** The graph so far, busiest first. */
  graph(): ServiceGraph {
    const nodes = [...this.#requests].map(([name, requests]): GraphNode => {
      const [service = '', route = ''] = name.split(separator);
      return { service, route, requests };
    });
    const edges = [...this.#calls.values()].map(({ event: { from, to }, calls }): GraphEdge => {
      const requests = (from.route === null ? this.#services.get(from.service) : this.#requests.get(`${from.service}${separator}${from.route}`)) ?? 0;
      return { from, to, calls, callsPerRequest: requests === 0 ? 0 : calls / requests };
    });
    return { nodes: nodes.sort((a, b) => b.requests - a.requests), edges: edges.sort((a, b) => b.calls - a.calls) };
  }
}

/** How much a route's rate rises (1: not at all) in each bucket ahead. */
export type Rise = Float64Array;

/**
 * Carries rises downstream: for every route of the graph the mean of its callers' rises and its own, weighted by the share of its requests that came from each
 * caller's calls. `own`: by {@link seriesName}; a route without one does not rise by itself.
 */
export function carryRises(graph: ServiceGraph, own: ReadonlyMap<string, Rise>, buckets: number): Map<string, Rise> {
  const incoming = new Map<string, { readonly from: readonly string[]; readonly calls: number }[]>();
  const served = new Map(graph.nodes.map(({ service, route, requests }) => [seriesName(service, route), requests]));
  for (const { from, to, calls } of graph.edges) {
    const callers = from.route !== null ? [seriesName(from.service, from.route)] : graph.nodes.filter((node) => node.service === from.service).map((node) => seriesName(node.service, node.route));
    const name = seriesName(to.service, to.route);
    if (callers.length > 0) incoming.set(name, [...incoming.get(name) ?? [], { from: callers, calls }]);
  }
  const flat = new Float64Array(buckets).fill(1);
  let rises = new Map<string, Rise>([...served.keys(), ...incoming.keys(), ...own.keys()].map((name) => [name, own.get(name) ?? flat]));
  if (incoming.size === 0) return rises;
  for (let round = 0; round < rounds; round++) {
    const next = new Map(rises);
    for (const [name, calls] of incoming) {
      const total = Math.max(served.get(name) ?? 0, calls.reduce((sum, edge) => sum + edge.calls, 0));
      const rise = new Float64Array(buckets);
      let explained = 0;
      for (const edge of calls) {
        const share = edge.calls / total;
        explained += share;
        const callers = edge.from.map((caller) => ({ rise: rises.get(caller) ?? flat, weight: served.get(caller) ?? 1 }));
        const weights = callers.reduce((sum, caller) => sum + caller.weight, 0);
        for (let bucket = 0; bucket < buckets; bucket++) {
          rise[bucket] = (rise[bucket] as number) + share * callers.reduce((sum, caller) => sum + (caller.weight / weights) * (caller.rise[bucket] as number), 0);
        }
      }
      const rest = own.get(name) ?? flat;
      next.set(name, rise.map((value, bucket) => value + (1 - explained) * (rest[bucket] as number)));
    }
    rises = next;
  }
  return rises;
}
