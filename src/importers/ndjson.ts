import { parseStateKey } from '../model/state-key.ts';
import type { AccessEvent, CallEvent, MetricSample, RequestEvent, TrafficItem } from '../model/traffic.ts';
import type { ImportContext } from './importer.ts';
import { fieldsOf, isTime, type Fields } from './json-fields.ts';
import { lines, type Line } from './lines.ts';

/**
 * Our own items, one JSON object a line, as {@link TrafficItem} has them. What may be null may be left out. State keys are byte strings,
 * as in our other files: one char a byte, so `é` is `Ã©`.
 */
export async function* importNdjson(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  for await (const batch of lines(chunks, { encoding: 'utf8' })) {
    const items: TrafficItem[] = [];
    for (const line of batch) {
      const item = itemOfLine(line, context.service);
      if (typeof item === 'object') items.push(item);
      else if (item !== '') context.problems.addBad({ number: line.number, reason: item, text: line.text });
    }
    context.problems.addGood(items.length);
    yield items;
  }
}

/** The item of a line, or why it is none; empty for an empty line. */
function itemOfLine(line: Line, service: string): TrafficItem | string {
  if (line.isTooLong) return 'line too long';
  if (line.text === '') return '';
  let value: unknown;
  try {
    value = JSON.parse(line.text);
  } catch {
    return line.text.trim() === '' ? '' : 'no JSON';
  }
  return itemOf(fieldsOf(value), service);
}

/** The item that fields make, or why they make none. */
export function itemOf(fields: Fields, service: string): TrafficItem | string {
  const { at } = fields;
  if (!isTime(at)) return 'at is no time';
  switch (fields['kind']) {
    case 'access': return accessOf(fields, at);
    case 'request': return requestOf(fields, at, service);
    case 'call': return callOf(fields, at);
    case 'metric': return metricOf(fields, at);
    default: return 'kind is none of access, request, call, metric';
  }
}

function accessOf({ key, access, request = null, route = null, service }: Fields, at: number): AccessEvent | string {
  if (typeof key !== 'string' || parseStateKey(key) === undefined || !isByteString(key)) return 'key is no state key';
  if (access !== 'read' && access !== 'write') return 'access is neither read nor write';
  if (!isTextOrNull(request)) return 'request is no text';
  if (!isTextOrNull(route)) return 'route is no text';
  if (service === undefined) return { kind: 'access', key, access, at, request, route };
  return typeof service === 'string' ? { kind: 'access', key, access, at, request, route, service } : 'service is no text';
}

function requestOf(fields: Fields, at: number, defaultService: string): RequestEvent | string {
  const { service = defaultService, route, target = null, actor = null, request = null } = fields;
  if (typeof service !== 'string') return 'service is no text';
  if (typeof route !== 'string' || route === '') return 'route is no text';
  if (!isTextOrNull(target)) return 'target is no text';
  if (!isTextOrNull(actor)) return 'actor is no text';
  if (!isTextOrNull(request)) return 'request is no text';
  return { kind: 'request', at, service, route, target, actor, request };
}

function callOf(fields: Fields, at: number): CallEvent | string {
  const from = fieldsOf(fields['from']);
  const to = fieldsOf(fields['to']);
  const fromRoute = from['route'] ?? null;
  if (typeof from['service'] !== 'string' || !isTextOrNull(fromRoute)) return 'from is no service and route';
  if (typeof to['service'] !== 'string' || typeof to['route'] !== 'string') return 'to is no service and route';
  return { kind: 'call', at, from: { service: from['service'], route: fromRoute }, to: { service: to['service'], route: to['route'] } };
}

function metricOf({ member, metric, value }: Fields, at: number): MetricSample | string {
  if (typeof member !== 'string') return 'member is no text';
  if (typeof metric !== 'string' || metric === '') return 'metric is no text';
  if (typeof value !== 'number') return 'value is no number';
  return { kind: 'metric', at, member, metric, value };
}

function isTextOrNull(value: unknown): value is string | null {
  return typeof value === 'string' || value === null;
}

function isByteString(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false;
  return true;
}
