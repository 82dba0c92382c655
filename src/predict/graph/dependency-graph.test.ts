import { describe, expect, test } from 'vitest';
import type { CallEvent, RequestEvent } from '../../model/traffic.ts';
import { carryRises, DependencyGraph, seriesName } from './dependency-graph.ts';

const request = (service: string, route: string): RequestEvent => ({ kind: 'request', at: 0, service, route, target: null, actor: null, request: null });
const call = (from: [string, string | null], to: [string, string]): CallEvent => ({ kind: 'call', at: 0, from: { service: from[0], route: from[1] }, to: { service: to[0], route: to[1] } });

function shop(): DependencyGraph {
  const graph = new DependencyGraph();
  for (let i = 0; i < 10; i++) {
    graph.request(request('web', 'GET /home'));
    for (let j = 0; j < 3; j++) {
      graph.call(call(['web', 'GET /home'], ['catalogue', 'GET /products/:id']));
      graph.request(request('catalogue', 'GET /products/:id'));
    }
    graph.call(call(['catalogue', 'GET /products/:id'], ['prices', 'GET /price']));
  }
  for (let i = 0; i < 10; i++) graph.request(request('catalogue', 'GET /products/:id')); // not from web
  return graph;
}

describe('the service dependency graph', () => {
  test('has nodes with their requests and edges with calls per request', () => {
    const { nodes, edges } = shop().graph();
    expect(nodes[0]).toEqual({ service: 'catalogue', route: 'GET /products/:id', requests: 40 });
    expect(edges[0]).toEqual({ from: { service: 'web', route: 'GET /home' }, to: { service: 'catalogue', route: 'GET /products/:id' }, calls: 30, callsPerRequest: 3 });
    expect(edges[1]).toMatchObject({ to: { service: 'prices' }, calls: 10, callsPerRequest: 0.25 });
  });

  test('carries a rise upstream to the routes below, as far as their requests come from there', () => {
    const rises = carryRises(shop().graph(), new Map([[seriesName('web', 'GET /home'), Float64Array.of(1, 5)], [seriesName('catalogue', 'GET /products/:id'), Float64Array.of(1, 1)]]), 2);
    expect([...rises.get('catalogue GET /products/:id') ?? []]).toEqual([1, 0.75 * 5 + 0.25]);
    // the prices are asked by the catalogue alone
    expect([...rises.get('prices GET /price') ?? []]).toEqual([1, 4]);
    expect([...rises.get('web GET /home') ?? []]).toEqual([1, 5]);
  });

  test('takes a caller whose route is not known as a whole, and bears circles', () => {
    const graph = new DependencyGraph();
    graph.request(request('a', 'GET /x'));
    graph.request(request('a', 'GET /y'));
    graph.call(call(['a', null], ['b', 'GET /z']));
    graph.call(call(['b', 'GET /z'], ['b', 'GET /z']));
    graph.request(request('b', 'GET /z'));
    graph.request(request('b', 'GET /z'));
    const rises = carryRises(graph.graph(), new Map([['a GET /x', Float64Array.of(3)], ['a GET /y', Float64Array.of(1)]]), 1);
    expect(rises.get('b GET /z')?.[0]).toBeGreaterThan(1.5);
    expect(rises.get('b GET /z')?.[0]).toBeLessThanOrEqual(2);
  });
});
