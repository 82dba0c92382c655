import type { InputProblems } from '../problems.ts';
import { fieldsOf, listOf, textOf, type Fields } from '../json-fields.ts';
import type { SpanKind, TraceSpan } from '../spans/span.ts';
import { textAttribute } from '../spans/span.ts';
import { attributesOf, msOfNanos } from './otlp-attributes.ts';

const kinds: readonly SpanKind[] = ['internal', 'internal', 'server', 'client', 'producer', 'consumer'];

/**
 * The spans of one ResourceSpans message, from JSON or from protobuf with the same names; those without ids or a time are counted as bad.
 * Understands the names of older releases too (`instrumentationLibrarySpans`), and ids in base64, as Tempo writes them.
 */
export function spansOf(resourceSpans: unknown, context: { readonly number: number; readonly service: string; readonly problems: InputProblems }): TraceSpan[] {
  const fields = fieldsOf(resourceSpans);
  const service = textAttribute(attributesOf(fieldsOf(fields['resource'])['attributes']), 'service.name') ?? context.service;
  const spans: TraceSpan[] = [];
  for (const scope of [...listOf(fields['scopeSpans']), ...listOf(fields['instrumentationLibrarySpans'])]) {
    for (const item of listOf(fieldsOf(scope)['spans'])) {
      const span = spanOf(fieldsOf(item), service);
      if (span === undefined) context.problems.addBad({ number: context.number, reason: 'a span without ids or time', text: excerpt(item) });
      else spans.push(span);
    }
  }
  context.problems.addGood(spans.length);
  return spans;
}

function spanOf(fields: Fields, service: string): TraceSpan | undefined {
  const traceId = idOf(fields['traceId'], 32);
  const spanId = idOf(fields['spanId'], 16);
  const startMs = msOfNanos(fields['startTimeUnixNano']);
  if (traceId === undefined || spanId === undefined || startMs === undefined) return undefined;
  return {
    traceId, spanId, startMs, service, parentId: idOf(fields['parentSpanId'], 16) ?? null, kind: kindOf(fields['kind']),
    name: textOf(fields['name']) ?? '', attributes: attributesOf(fields['attributes']),
  };
}

function kindOf(kind: unknown): SpanKind {
  if (typeof kind === 'number') return kinds[kind] ?? 'internal';
  const name = typeof kind === 'string' ? kind.replace(/^SPAN_KIND_/, '').toLowerCase() : '';
  return kinds.find((one) => one === name) ?? 'internal';
}

/** Hexadecimal in OTLP/JSON, base64 in the plain JSON form of protobuf, bytes in protobuf; undefined for none and for zeros. */
function idOf(value: unknown, digits: 16 | 32): string | undefined {
  const hex = value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex') : typeof value === 'string' ? hexOf(value, digits) : undefined;
  return hex === undefined || hex.length !== digits || /^0+$/.test(hex) ? undefined : hex;
}

function hexOf(text: string, digits: 16 | 32): string | undefined {
  if (text.length === digits && /^[0-9a-f]+$/i.test(text)) return text.toLowerCase();
  return text.length === (digits === 32 ? 24 : 12) ? Buffer.from(text, 'base64').toString('hex') : undefined;
}

function excerpt(item: unknown): string {
  const { traceId, spanId, name, startTimeUnixNano } = fieldsOf(item);
  return JSON.stringify({ traceId, spanId, name, startTimeUnixNano });
}
