import type { RequestRecord } from '../model/recording.ts';
import { routeOf } from '../model/route.ts';
import type { AccessEvent, RequestEvent, TrafficItem } from '../model/traffic.ts';
import type { ObservedRequest } from './elements/key-rules.ts';

/** The accesses of recorded requests, a request after the other: for each element it touched at most one read and one write. */
export function* accessEvents(requests: Iterable<RequestRecord>): Generator<AccessEvent> {
  for (const record of requests) yield* accessesOf(record, routeOf(record.request.method, record.request.target));
}

/** All that a recording says of its traffic, in order of time: each request with its accesses, and its calls to dependencies. */
export function* recordingItems(requests: readonly RequestRecord[]): Generator<TrafficItem> {
  for (const record of [...requests].sort((a, b) => a.at - b.at)) {
    const route = routeOf(record.request.method, record.request.target);
    yield requestEvent(record, route);
    yield* accessesOf(record, route);
    for (const { dependency, request } of record.calls) {
      yield { kind: 'call', at: record.at, from: { service: '', route }, to: { service: dependency, route: routeOf(request.method, request.target) } };
    }
  }
}

/** A recorded request as a log would tell of it; who sent it is known by its cookie or authorization. */
export function requestEvent(record: RequestRecord, route: string = routeOf(record.request.method, record.request.target)): RequestEvent {
  const { headers, target } = record.request;
  const header = (name: string): string | undefined => headers.find(([found]) => found.toLowerCase() === name)?.[1];
  return { kind: 'request', at: record.at, service: '', route, target, actor: header('cookie') ?? header('authorization') ?? null, request: record.id };
}

/** Requests with the elements they touched: what rules are learnt from. */
export function* observedRequests(requests: Iterable<RequestRecord>): Generator<ObservedRequest> {
  for (const record of requests) {
    const request = requestEvent(record);
    yield { request, accesses: [...accessesOf(record, request.route)] };
  }
}

function* accessesOf(record: RequestRecord, route: string): Generator<AccessEvent> {
  for (const touch of record.touches) {
    const event = { kind: 'access' as const, key: touch.key, at: record.at, request: record.id, route };
    if (touch.read) yield { ...event, access: 'read' };
    if (touch.written) yield { ...event, access: 'write' };
  }
}
