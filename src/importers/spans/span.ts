/** What an attribute of a span or a resource may be. */
export type AttributeValue = string | number | boolean | readonly string[];

/** Attributes by name. */
export type Attributes = ReadonlyMap<string, AttributeValue>;

/** The role of a span, in the words of OpenTelemetry. */
export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

/** A span of any tracing format, as far as traffic can be read out of it. */
export interface TraceSpan {
  /** 32 hexadecimal digits, lower case. */
  readonly traceId: string;
  /** 16 hexadecimal digits, lower case. */
  readonly spanId: string;
  /** null: the root of its trace. */
  readonly parentId: string | null;
  readonly kind: SpanKind;
  readonly name: string;
  /** Unix milliseconds. */
  readonly startMs: number;
  /** `service.name` of its resource; empty when it has none. */
  readonly service: string;
  readonly attributes: Attributes;
}

/** The first of these attributes that is a text (or a number, as one) and not empty. */
export function textAttribute(attributes: Attributes, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = attributes.get(name);
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}
