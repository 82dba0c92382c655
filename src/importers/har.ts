import type { RequestEvent, TrafficItem } from '../model/traffic.ts';
import type { ImportContext } from './importer.ts';
import { fieldsOf, listOf, textOf } from './json-fields.ts';
import { jsonRecords } from './json-records.ts';
import { RouteMemo } from './route-memo.ts';
import { TimeOrder } from './time-order.ts';

/**
 * HAR 1.2, as browsers and proxies export it: `{"log": {"entries": […]}}`. An entry is a request to the host of its URL, which is the service unless the context names one.
 * A file of any size is read entry by entry; items leave in order of time at its end.
 */
export async function* importHar(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const routes = new RouteMemo();
  const order = new TimeOrder({ horizonMs: Number.POSITIVE_INFINITY });
  for await (const records of jsonRecords(chunks, context)) {
    for (const { list, number, value } of records) {
      if (list === 'pages') continue;
      const item = list === 'entries' ? itemOf(value, { routes, service: context.service }) : 'no entry of a HAR';
      if (typeof item === 'string') {
        context.problems.addBad({ number, reason: item, text: excerpt(value) });
        continue;
      }
      context.problems.addGood();
      if (item.kind === 'request') yield order.push([item]);
      else context.problems.note('entries left out', item.scheme);
    }
  }
  yield* order.drain();
}

/** An entry whose URL is none of HTTP: `data:`, `blob:`, `wss:`. */
interface OtherEntry {
  readonly kind: 'other';
  readonly scheme: string;
}

function itemOf(value: unknown, { routes, service }: { readonly routes: RouteMemo; readonly service: string }): RequestEvent | OtherEntry | string {
  const { startedDateTime, request } = fieldsOf(value);
  const { method, url, headers } = fieldsOf(request);
  const at = typeof startedDateTime === 'string' ? Date.parse(startedDateTime) : Number.NaN;
  if (Number.isNaN(at)) return 'no startedDateTime';
  if (typeof method !== 'string' || typeof url !== 'string') return 'no method and URL';
  const parts = /^https?:\/\/(?:[^/?#@]*@)?([^/?#]+)([^#]*)/i.exec(url);
  if (parts === null) {
    const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0];
    return scheme === undefined ? 'no URL' : { kind: 'other', scheme };
  }
  const [, host = '', rest = ''] = parts;
  const target = rest.startsWith('/') ? rest : `/${rest}`;
  const route = routes.routeOf(method.toUpperCase(), target);
  return { kind: 'request', at, service: service === '' ? host : service, route, target, actor: forwardedFor(headers), request: null };
}

/** HARs of proxies hold the requests of many; those of a browser say nothing. */
function forwardedFor(headers: unknown): string | null {
  for (const header of listOf(headers)) {
    const { name, value } = fieldsOf(header);
    if (typeof name === 'string' && name.toLowerCase() === 'x-forwarded-for') return textOf(value)?.split(',')[0]?.trim() ?? null;
  }
  return null;
}

function excerpt(value: unknown): string {
  const { startedDateTime, request } = fieldsOf(value);
  return JSON.stringify({ startedDateTime, method: fieldsOf(request)['method'], url: fieldsOf(request)['url'] });
}
