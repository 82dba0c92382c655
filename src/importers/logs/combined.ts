import type { RequestEvent, TrafficItem } from '../../model/traffic.ts';
import type { ImportContext } from '../importer.ts';
import { lines, type Line } from '../lines.ts';
import { RouteMemo } from '../route-memo.ts';
import { memoized, parseLocalTime } from './log-time.ts';
import { parseRequestLine, unescaped } from './request-line.ts';

const timeText = /\[(\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,6})? [+-]\d{4})\] "/;
/** Servers take request lines of some kilobytes; what is longer is no line of an access log. */
const longestLine = 1 << 20;

/**
 * Common and combined logs of Apache and nginx, with a virtual host before the address or without, and with anything after the request. What stands after the request
 * is not looked at, but for the status, which has to be one. The actor is the user, else the address.
 */
export async function* importCombined(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const parse = combinedParser(context.service);
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

/** Gives the request of a line, or why it has none. */
export function combinedParser(service: string): (line: Pick<Line, 'text' | 'isTooLong'>) => RequestEvent | string {
  const timeOf = memoized(parseLocalTime);
  const routes = new RouteMemo();
  return ({ text, isTooLong }) => {
    if (isTooLong || text.length > longestLine) return 'line too long';
    const time = timeText.exec(text);
    if (time === null) return 'no time in brackets, followed by a request in quotes';
    const start = time.index + time[0].length;
    const end = closingQuote(text, start);
    if (end < 0 || !/^ (\d{3}|-)( |$)/.test(text.slice(end + 1, end + 6))) return 'no status after the request';
    const at = timeOf(time[1] as string);
    if (at === undefined) return 'no such time';
    const who = actorOf(text.slice(0, time.index).trimEnd());
    if (who === undefined) return 'no address';
    const request = parseRequestLine(text.slice(start, end));
    if (request === undefined) return 'no request';
    const { method, target } = request;
    return { kind: 'request', at, service: service === '' ? who.host : service, route: routes.routeOf(method, target), target, actor: who.actor, request: null };
  };
}

/** `address ident user`, or `host:port address ident user` as Apache's vhost_combined has it; users may have spaces. */
function actorOf(text: string): { readonly actor: string; readonly host: string } | undefined {
  const [first = '', second = '', ...more] = text.split(' ');
  const isVhost = more.length >= 2 && /^[^:]+:\d+$/.test(first) && /^[\d.:a-fA-F]*[.:][\d.:a-fA-F]*$/.test(second);
  const rest = isVhost ? more : [second, ...more];
  if (first === '' || rest.length < 2) return undefined;
  const user = unescaped(rest.slice(1).join(' '));
  return { actor: user === '-' || user === '""' || user === '' ? (isVhost ? second : first) : user, host: isVhost ? first : '' };
}

/** The quote that ends a field which begins at `from`: one that no backslash stands before, or an even number of them. */
export function closingQuote(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (at - 1 - slashes >= from && text[at - 1 - slashes] === '\\') slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}
