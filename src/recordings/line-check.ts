import type { RecordingLine } from '../model/recording.ts';

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const hexHash = /^[0-9a-f]{64}$/;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number';
const isBoolean: Check = (value) => typeof value === 'boolean';
const isHash: Check = (value) => typeof value === 'string' && hexHash.test(value);
const orNull = (check: Check): Check => (value) => value === null || check(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const oneOf = (...allowed: readonly string[]): Check => (value) => typeof value === 'string' && allowed.includes(value);
const orAbsent = (check: Check): Check => (value) => value === undefined || check(value);

/** Further fields are let through: a later release may add some without changing the format. */
function shape(fields: Readonly<Record<string, Check>>): Check {
  const entries = Object.entries(fields);
  return (value) => typeof value === 'object' && value !== null && entries.every(([name, check]) => check((value as Fields)[name]));
}

const isPayloadRef = shape({ hash: isHash, sizeBytes: isNumber });
const isHeader: Check = (value) => Array.isArray(value) && value.length === 2 && value.every(isText);
const isHttpRequest = shape({ method: isText, target: isText, headers: listOf(isHeader), body: orNull(isPayloadRef) });
const isHttpResponse = shape({ status: isNumber, headers: listOf(isHeader), body: orNull(isPayloadRef) });

const checks: Readonly<Record<RecordingLine['kind'], Check>> = {
  revision: shape({
    key: isText, revision: isNumber, hash: orNull(isHash), sizeBytes: isNumber, expiresAtMs: orNull(isNumber), position: isNumber,
    at: isNumber, by: orNull(isText), cause: oneOf('initial', 'write', 'external', 'expired'),
  }),
  request: shape({
    id: isText, position: isNumber, endPosition: isNumber, at: isNumber, durationMs: isNumber, lane: isText,
    attribution: oneOf('lane', 'context'), seed: isText, request: isHttpRequest, response: orNull(isHttpResponse),
    touches: listOf(shape({ key: isText, revision: isNumber, read: isBoolean, written: isBoolean, raced: orAbsent(isBoolean) })),
    writes: listOf(shape({ key: isText, revision: isNumber })),
    calls: listOf(shape({ dependency: isText, request: isHttpRequest, response: orNull(isHttpResponse), position: isNumber, durationMs: isNumber })),
    hints: listOf(shape({ command: isText, args: listOf(isText), database: isNumber, outcome: listOf(isText) })),
    commands: isNumber, commandNames: listOf(isText),
    problems: listOf(shape({ code: isText, message: isText, key: orAbsent(isText) })),
  }),
  loss: shape({ code: isText, message: isText, count: isNumber, position: isNumber }),
  complete: shape({ scope: isText, position: isNumber }),
  end: shape({ position: isNumber, requests: isNumber, at: isNumber }),
};

/** Why a parsed line is none of a recording's; undefined when it is one. */
export function lineProblem(value: unknown): string | undefined {
  const kind = (value as { kind?: unknown } | null)?.kind;
  if (typeof kind !== 'string' || !Object.hasOwn(checks, kind)) return `unknown kind ${JSON.stringify(kind)}`;
  return checks[kind as RecordingLine['kind']](value) ? undefined : `a ${kind} with missing or wrong fields`;
}
