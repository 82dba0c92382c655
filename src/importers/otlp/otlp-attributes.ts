import { fieldsOf, isTime, listOf, numberOf, textOf } from '../json-fields.ts';
import type { Attributes, AttributeValue } from '../spans/span.ts';

/** A list of KeyValue messages of OTLP, from JSON or from protobuf, as attributes. Maps and bytes are left out: no convention we read uses them. */
export function attributesOf(list: unknown): Attributes {
  const attributes = new Map<string, AttributeValue>();
  for (const item of listOf(list)) {
    const { key, value } = fieldsOf(item);
    const plain = valueOf(value);
    if (typeof key === 'string' && plain !== undefined) attributes.set(key, plain);
  }
  return attributes;
}

function valueOf(value: unknown): AttributeValue | undefined {
  const { stringValue, intValue, doubleValue, boolValue, arrayValue } = fieldsOf(value);
  if (typeof stringValue === 'string') return stringValue;
  if (intValue !== undefined) return numberOf(intValue); // 64 bits travel as text
  if (doubleValue !== undefined) return numberOf(doubleValue);
  if (typeof boolValue === 'boolean') return boolValue;
  if (arrayValue === undefined || arrayValue === null) return undefined;
  return listOf(fieldsOf(arrayValue)['values']).flatMap((item) => textOf(fieldsOf(item)['stringValue']) ?? []);
}

/** Unix milliseconds of a time in nanoseconds, as OTLP has it: a text or a number; undefined for none and for zero. */
export function msOfNanos(value: unknown): number | undefined {
  const nanos = numberOf(value);
  return nanos === undefined || nanos <= 0 || !isTime(nanos / 1e6) ? undefined : Math.floor(nanos / 1e6);
}
