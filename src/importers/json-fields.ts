/** The fields of a JSON object that came from outside. */
export type Fields = Readonly<Record<string, unknown>>;

const none: Fields = {};

/** The value as an object; one without fields where it is none. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : none;
}

/** The value as a list; an empty one where it is none. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** The value where it is a text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The value as a finite number, also from its decimal digits. */
export function numberOf(value: unknown): number | undefined {
  if (typeof value === 'string' && value.trim() === '') return undefined;
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** Parses JSON; undefined where it is none. Nothing else is undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The furthest time from 1970 that a Date can be, ms: numbers beyond are no times. */
const mostMs = 8.64e15;

/** Whether a number is a time in Unix milliseconds. */
export function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= -mostMs && value <= mostMs;
}
