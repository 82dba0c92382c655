import type { RequestEvent, TrafficItem } from '../../model/traffic.ts';
import type { ImportContext } from '../importer.ts';
import { lines, type Line } from '../lines.ts';
import { RouteMemo } from '../route-memo.ts';
import { compileLogFormat, type LogFields } from './log-format.ts';
import { memoized, parseIsoTime, parseLocalTime, parseSeconds } from './log-time.ts';
import { parseRequestLine, requestOf, unescaped, type RequestLine } from './request-line.ts';

const longestLine = 1 << 20;

/**
 * Access logs of nginx in a format of their own: see {@link compileLogFormat}. The actor is the first cookie or `X-User…` header in the format that has a
 * value, else the user, else the address.
 * @throws ForeshardError `usage` where the format cannot be used
 */
export async function* importNginx(chunks: AsyncIterable<Buffer>, context: ImportContext & { readonly logFormat: string }): AsyncGenerator<readonly TrafficItem[]> {
  const parse = nginxParser(context.logFormat, context.service);
  for await (const batch of lines(chunks)) {
    const items: TrafficItem[] = [];
    for (const line of batch) {
      if (line.text === '') continue;
      const item = parse(line);
      if (typeof item === 'object') items.push(item);
      else context.problems.addBad({ number: line.number, reason: item, text: line.text });
    }
    context.problems.addGood(items.length);
    yield items;
  }
}

/**
 * Gives the request of a line, or why it has none.
 * @throws ForeshardError `usage` where the format cannot be used
 */
export function nginxParser(format: string, service: string): (line: Pick<Line, 'text' | 'isTooLong'>) => RequestEvent | string {
  const { variables, parse } = compileLogFormat(format);
  const timeOf = timeParser(variables);
  const routes = new RouteMemo();
  const actors = [...variables.filter((name) => name.startsWith('cookie_') || name.startsWith('http_x_user')), 'remote_user', 'remote_addr'];
  return ({ text, isTooLong }) => {
    if (isTooLong || text.length > longestLine) return 'line too long';
    const fields = parse(text);
    if (fields === undefined) return 'not in the log format';
    const at = timeOf(fields);
    if (at === undefined) return 'no such time';
    const request = requestLineOf(fields);
    if (request === undefined) return 'no request';
    const route = routes.routeOf(request.method, request.target);
    return { kind: 'request', at, service, route, target: request.target, actor: firstValue(fields, actors), request: firstValue(fields, ['request_id', 'http_x_request_id']) };
  };
}

function timeParser(variables: readonly string[]): (fields: LogFields) => number | undefined {
  if (variables.includes('msec')) return (fields) => parseSeconds(fields.get('msec') ?? '');
  const isIso = variables.includes('time_iso8601');
  const parse = memoized(isIso ? parseIsoTime : parseLocalTime);
  const name = isIso ? 'time_iso8601' : 'time_local';
  return (fields) => parse(fields.get(name) ?? '');
}

function requestLineOf(fields: LogFields): RequestLine | undefined {
  const line = fields.get('request');
  if (line !== undefined) return parseRequestLine(line);
  const method = fields.get('request_method') ?? '';
  const whole = fields.get('request_uri');
  if (whole !== undefined) return requestOf(method, whole);
  const query = fields.get('args') ?? fields.get('query_string') ?? '-';
  const path = fields.get('uri') ?? fields.get('document_uri') ?? '';
  return requestOf(method, query === '-' || query === '' ? path : `${path}?${query}`);
}

/** `-` and nothing are how nginx writes that there is none. */
function firstValue(fields: LogFields, names: readonly string[]): string | null {
  for (const name of names) {
    const value = fields.get(name);
    if (value !== undefined && value !== '-' && value !== '') return unescaped(value);
  }
  return null;
}
