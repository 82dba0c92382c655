import type { AccessEvent } from '../model/access-event.ts';
import type { RequestRecord } from '../model/recording.ts';
import { routeOf } from '../model/route.ts';

/** The accesses of recorded requests, a request after the other: for each element it touched at most one read and one write. */
export function* accessEvents(requests: Iterable<RequestRecord>): Generator<AccessEvent> {
  for (const record of requests) {
    const route = routeOf(record.request.method, record.request.target);
    for (const touch of record.touches) {
      const event = { key: touch.key, at: record.at, request: record.id, route };
      if (touch.read) yield { ...event, access: 'read' };
      if (touch.written) yield { ...event, access: 'write' };
    }
  }
}
