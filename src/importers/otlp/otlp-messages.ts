import protobuf from 'protobufjs/light.js';
import { otlpDescriptor } from './descriptor.ts';

const root = protobuf.Root.fromJSON(otlpDescriptor);
const resourceSpans = root.lookupType('opentelemetry.proto.trace.v1.ResourceSpans');
const resourceMetrics = root.lookupType('opentelemetry.proto.metrics.v1.ResourceMetrics');
const traceRequest = root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest');
const metricsRequest = root.lookupType('opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest');

/** What an export request or a message of a file holds. */
export type OtlpSignal = 'traces' | 'metrics';

/** Fields as OTLP/JSON has them, ids as bytes, numbers of 64 bits as text. */
const asJson = { longs: String, enums: Number, arrays: false } as const;
const lengthDelimited = 2;
const fixed64 = 1;
/** The fields of ResourceSpans and ResourceMetrics in which the scopes stand, today and before 2022. */
const scopeFields: ReadonlySet<number> = new Set([2, 1000]);

/**
 * One ResourceSpans or ResourceMetrics message in the form of OTLP/JSON.
 * @throws Error of protobufjs where the bytes are no such message
 */
export function decodeResource(bytes: Uint8Array, signal: OtlpSignal): unknown {
  const type = signal === 'traces' ? resourceSpans : resourceMetrics;
  return type.toObject(type.decode(bytes), asJson);
}

/**
 * An export request in the form of OTLP/JSON.
 * @throws Error of protobufjs where the bytes are no such message
 */
export function decodeRequest(bytes: Uint8Array, signal: OtlpSignal): unknown {
  const type = signal === 'traces' ? traceRequest : metricsRequest;
  return type.toObject(type.decode(bytes), asJson);
}

/** An export request as protobuf, of its form in OTLP/JSON with ids as bytes: for tests and for whoever has to send one. */
export function encodeRequest(request: Readonly<Record<string, unknown>>, signal: OtlpSignal): Uint8Array {
  const type = signal === 'traces' ? traceRequest : metricsRequest;
  return type.encode(type.fromObject(request)).finish();
}

/**
 * Whether a message is a ResourceSpans or a ResourceMetrics: nothing in it says so. A span always has its start as field 7 in 64 bits; in a metric that field
 * is a sum, of a length. Undefined: it holds nothing.
 * @throws Error of protobufjs where the bytes are no message
 */
export function signalOf(bytes: Uint8Array): OtlpSignal | undefined {
  for (const scope of fieldsAt(bytes, scopeFields)) {
    for (const item of fieldsAt(scope, new Set([2]))) {
      const reader = protobuf.Reader.create(item);
      while (reader.pos < reader.len) {
        const tag = reader.uint32();
        if (tag === ((7 << 3) | fixed64)) return 'traces';
        reader.skipType(tag & 7);
      }
      return 'metrics';
    }
  }
  return undefined;
}

function* fieldsAt(bytes: Uint8Array, numbers: ReadonlySet<number>): Generator<Uint8Array> {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) === lengthDelimited && numbers.has(tag >>> 3)) yield reader.bytes();
    else reader.skipType(tag & 7);
  }
}

/** A `google.rpc.Status`, which OTLP/HTTP answers errors with. */
export function encodeStatus(code: number, message: string): Uint8Array {
  return protobuf.Writer.create().uint32((1 << 3) | 0).int32(code).uint32((2 << 3) | lengthDelimited).string(message).finish();
}
