import type { TrafficItem } from '../model/traffic.ts';
import type { ImportContext } from './importer.ts';
import { fieldsOf, isTime, listOf, numberOf, textOf, type Fields } from './json-fields.ts';
import { jsonRecords } from './json-records.ts';
import type { Attributes, AttributeValue, SpanKind, TraceSpan } from './spans/span.ts';
import { Telemetry } from './telemetry.ts';

const kinds: ReadonlySet<string> = new Set<SpanKind>(['internal', 'server', 'client', 'producer', 'consumer']);

/**
 * What Jaeger's UI and its `/api/traces` give: `{"data": [{"traceID", "spans", "processes"}]}`. Traces come newest first, so items leave in order of time only
 * at the end of the input, or when half a million wait.
 */
export async function* importJaeger(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const telemetry = new Telemetry({ ...context, horizonMs: Number.POSITIVE_INFINITY });
  for await (const records of jsonRecords(chunks, context)) {
    for (const { list, number, value } of records) {
      if (list === 'errors') context.problems.note("Jaeger's errors", JSON.stringify(value) ?? '');
      else if (list === 'data') yield traceItems(fieldsOf(value), { ...context, number, telemetry });
      else context.problems.addBad({ number, reason: 'no trace of Jaeger', text: `{"${list}": [${JSON.stringify(value)?.slice(0, 200) ?? ''}` });
    }
  }
  yield* telemetry.finish();
}

function traceItems(trace: Fields, context: ImportContext & { readonly number: number; readonly telemetry: Telemetry }): TrafficItem[] {
  const processes = fieldsOf(trace['processes']);
  const items: TrafficItem[] = [];
  for (const item of listOf(trace['spans'])) {
    const fields = fieldsOf(item);
    const process = fieldsOf(fields['process'] ?? processes[textOf(fields['processID']) ?? '']);
    const span = spanOf(fields, textOf(process['serviceName']) ?? context.service);
    if (span === undefined) {
      const { traceID, spanID, startTime } = fields;
      context.problems.addBad({ number: context.number, reason: 'a span without ids or time', text: JSON.stringify({ traceID, spanID, startTime }) });
      continue;
    }
    context.problems.addGood();
    items.push(...context.telemetry.addSpan(span));
  }
  if (!Array.isArray(trace['spans'])) context.problems.addBad({ number: context.number, reason: 'no trace of Jaeger', text: JSON.stringify(trace).slice(0, 200) });
  return items;
}

function spanOf(fields: Fields, service: string): TraceSpan | undefined {
  const traceId = idOf(fields['traceID'], 32);
  const spanId = idOf(fields['spanID'], 16);
  const startUs = numberOf(fields['startTime']);
  if (traceId === undefined || spanId === undefined || startUs === undefined || startUs <= 0 || !isTime(startUs / 1000)) return undefined;
  const attributes = attributesOf(fields['tags']);
  const kind = attributes.get('span.kind');
  return {
    traceId, spanId, parentId: parentOf(fields, traceId), service, attributes, name: textOf(fields['operationName']) ?? '', startMs: Math.floor(startUs / 1000),
    kind: typeof kind === 'string' && kinds.has(kind) ? (kind as SpanKind) : 'internal',
  };
}

function parentOf(fields: Fields, traceId: string): string | null {
  for (const item of listOf(fields['references'])) {
    const { refType, traceID, spanID } = fieldsOf(item);
    if (refType === 'CHILD_OF' && idOf(traceID, 32) === traceId) return idOf(spanID, 16) ?? null;
  }
  return idOf(fields['parentSpanID'], 16) ?? null; // before references
}

/** Jaeger leaves out leading zeros, and older clients have trace ids of 64 bits. */
function idOf(value: unknown, digits: number): string | undefined {
  if (typeof value !== 'string' || !/^[0-9a-f]{1,32}$/i.test(value) || value.length > digits || /^0+$/.test(value)) return undefined;
  return value.toLowerCase().padStart(digits, '0');
}

function attributesOf(tags: unknown): Attributes {
  const attributes = new Map<string, AttributeValue>();
  for (const tag of listOf(tags)) {
    const { key, value } = fieldsOf(tag);
    if (typeof key !== 'string') continue;
    const list = typeof value === 'string' && key.startsWith('foreshard.') ? textList(value) : undefined;
    if (list !== undefined) attributes.set(key, list);
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') attributes.set(key, value);
  }
  return attributes;
}

/** Jaeger has no lists: it writes them as JSON in a text. */
function textList(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const list: unknown = JSON.parse(text);
    return Array.isArray(list) && list.every((item) => typeof item === 'string') ? list : undefined;
  } catch {
    return undefined;
  }
}
