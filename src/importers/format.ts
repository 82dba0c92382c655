import { combinedParser } from './logs/combined.ts';
import { framingOf } from './otlp/protobuf-elements.ts';

/** What inputs may be. */
export const formatNames = ['combined', 'nginx', 'har', 'gor', 'otlp-json', 'otlp-proto', 'jaeger', 'ndjson', 'parquet'] as const;

/** See {@link formatNames}. */
export type FormatName = (typeof formatNames)[number];

/** How one record of a format looks, and what a record is called. */
export const formatDescriptions: Readonly<Record<FormatName, { readonly expected: string; readonly unit: 'line' | 'record' }>> = {
  combined: { expected: 'address ident user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" status …', unit: 'line' },
  nginx: { expected: 'lines of the log format that was given', unit: 'line' },
  har: { expected: '{"log": {"entries": [{"startedDateTime": …, "request": …}]}}', unit: 'record' },
  gor: { expected: '1 id nanoseconds, an HTTP request, a line of three monkeys', unit: 'record' },
  'otlp-json': { expected: '{"resourceSpans": […]} or {"resourceMetrics": […]}', unit: 'record' },
  'otlp-proto': { expected: 'an export request of OpenTelemetry as protobuf', unit: 'record' },
  jaeger: { expected: '{"data": [{"traceID": …, "spans": […], "processes": …}]}', unit: 'record' },
  ndjson: { expected: '{"kind": "request", "at": 1431857103000, "service": "", "route": "GET /cart/:id"}', unit: 'line' },
  parquet: { expected: 'columns at, key, access; or at, route, …: the fields of our NDJSON', unit: 'record' },
};

/** Names that say what JSON documents are, the first that is there. */
const jsonNames: readonly (readonly [RegExp, FormatName])[] = [
  [/"(?:resourceSpans|resourceMetrics|scopeSpans|scopeMetrics|instrumentationLibrarySpans)"\s*:\s*\[/, 'otlp-json'],
  [/^\s*\{\s*"(?:batches|trace)"\s*:/, 'otlp-json'],
  [/"traceID"\s*:/, 'jaeger'],
  [/^\s*\{\s*"data"\s*:\s*\[/, 'jaeger'],
  [/^\s*\{\s*"log"\s*:\s*\{/, 'har'],
  [/"kind"\s*:\s*"(?:access|request|call|metric)"/, 'ndjson'],
];

const byEnding: readonly (readonly [RegExp, FormatName])[] = [
  [/\.har$/i, 'har'], [/\.gor$/i, 'gor'], [/\.(ndjson|jsonl)$/i, 'ndjson'], [/\.(pb|binpb|otlp)$/i, 'otlp-proto'],
];

/** How many bytes {@link detectFormat} wants. */
export const detectBytes: number = 64 * 1024;

/**
 * The format of an input by its first bytes (decompressed), else by the ending of its name; undefined where neither tells. A log in a format
 * of nginx's own is never detected.
 */
export function detectFormat(head: Buffer, fileName: string): FormatName | undefined {
  return detectByContent(head.subarray(0, detectBytes)) ?? byEnding.find(([ending]) => ending.test(fileName.replace(/\.gz$/i, '')))?.[1];
}

function detectByContent(head: Buffer): FormatName | undefined {
  if (head.subarray(0, 4).toString('latin1') === 'PAR1') return 'parquet';
  const text = head.toString('utf8').replace(/^\ufeff/, '');
  if (/^\s*\{/.test(text)) return jsonNames.find(([name]) => name.test(text))?.[1];
  if (/^[123] [0-9a-zA-Z-]+ \d{10,20}( -?\d+)?\r?\n/.test(text)) return 'gor';
  if (looksCombined(head.toString('latin1'))) return 'combined';
  return framingOf(head) === undefined ? undefined : 'otlp-proto';
}

/** One of the first lines is one: there may be lines in front that are none. */
function looksCombined(text: string): boolean {
  const parse = combinedParser('');
  return text.split('\n', 50).some((line) => typeof parse({ text: line.replace(/\r$/, ''), isTooLong: false }) === 'object');
}
