import { ForeshardError } from '../../model/errors.ts';
import { closingQuote } from './combined.ts';

/** Values by the name of their variable, as they stand in the line. */
export type LogFields = ReadonlyMap<string, string>;

/** A compiled `log_format`. */
export interface LogFormat {
  /** The variables up to the last one that is needed, in order. */
  readonly variables: readonly string[];
  /** The values of a line; undefined where it does not have the format. */
  parse(line: string): LogFields | undefined;
}

interface Step {
  /** What stands before the variable. */
  readonly literal: string;
  readonly variable: string;
}

/** What ends a variable: a text, or one that belongs to the next variable already. */
interface End {
  readonly text: string;
  readonly width: number;
}

const times = ['time_iso8601', 'msec', 'time_local'] as const;
const uris = ['request_uri', 'uri', 'document_uri'] as const;
const others = ['request', 'request_method', 'args', 'query_string', 'remote_user', 'remote_addr', 'request_id', 'cookie_.+', 'http_x_(?:user|request_id).*'];
const needed = new RegExp(`^(?:${[...times, ...uris, ...others].join('|')})$`);

/**
 * Compiles a `log_format` of nginx: the string alone, or the directive with its name, its quotes and `escape=json`. The line is read from left to right, each
 * variable up to the text that follows it in the format, in quotes up to the quote that no backslash escapes. So the time is linear in the
 * line, and what stands after the last variable that is needed does not matter.
 * @throws ForeshardError `usage` where the format has no time or no request, or two variables with nothing between them
 */
export function compileLogFormat(format: string): LogFormat {
  const { steps, tail } = stepsOf(plainFormat(format).replace(/\$(document_)?uri\$is_args\$(args|query_string)/g, '$$request_uri'));
  checkVariables(steps.map(({ variable }) => variable), format);
  let last = steps.length - 1;
  while (!needed.test((steps[last] as Step).variable)) last--;
  const used = steps.slice(0, last + 1);
  const ends = used.map((_, index): End => {
    const text = steps[index + 1]?.literal ?? tail;
    const isBeforePath = text === '' && uris.some((name) => name === steps[index + 1]?.variable); // `$host$request_uri`
    return isBeforePath ? { text: '/', width: 0 } : { text, width: text.length };
  });
  const glued = ends.findIndex((end, index) => end.text === '' && index + 1 < steps.length);
  if (glued >= 0) throw unusable(format, `nothing separates $${used[glued]?.variable} from $${steps[glued + 1]?.variable}`);
  return { variables: used.map(({ variable }) => variable), parse: (line) => parseLine(line, used, ends) };
}

function parseLine(line: string, steps: readonly Step[], ends: readonly End[]): LogFields | undefined {
  const first = steps[0] as Step;
  if (!line.startsWith(first.literal)) return undefined;
  const fields = new Map<string, string>();
  let at = first.literal.length;
  for (const [index, { variable }] of steps.entries()) {
    const { text, width } = ends[index] as End;
    const end = text === '' ? line.length : endOf(line, at, text);
    if (end < 0) return undefined;
    fields.set(variable, line.slice(at, end));
    at = end + width;
  }
  return fields;
}

function endOf(line: string, from: number, following: string): number {
  if (!following.startsWith('"')) return line.indexOf(following, from);
  const quote = closingQuote(line, from);
  return quote >= 0 && line.startsWith(following, quote) ? quote : -1;
}

function stepsOf(format: string): { readonly steps: readonly Step[]; readonly tail: string } {
  const steps: Step[] = [];
  const variable = /\$(?:\{(\w+)\}|(\w+))/g;
  let from = 0;
  for (let found = variable.exec(format); found !== null; found = variable.exec(format)) {
    steps.push({ literal: format.slice(from, found.index), variable: (found[1] ?? found[2]) as string });
    from = variable.lastIndex;
  }
  return { steps, tail: format.slice(from) };
}

/** The string of a directive: `log_format main escape=json '{…' '…}';`. */
function plainFormat(format: string): string {
  const directive = /^\s*log_format\s+[^\s'"]+\s+(?:escape=\w+\s+)?([\s\S]*?);?\s*$/.exec(format);
  if (directive === null) return format;
  const parts = (directive[1] as string).match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/g);
  return parts === null ? (directive[1] as string) : parts.map((part) => part.slice(1, -1).replace(/\\(['"\\])/g, '$1')).join('');
}

function checkVariables(variables: readonly string[], format: string): void {
  const has = (name: string): boolean => variables.includes(name);
  const missing: string[] = [];
  if (!times.some(has)) missing.push('a time ($time_local, $time_iso8601 or $msec)');
  if (!has('request')) {
    if (!uris.some(has)) missing.push('a request ($request, or $request_method and $request_uri)');
    else if (!has('request_method')) missing.push('a method ($request_method beside $request_uri)');
  }
  if (missing.length > 0) throw unusable(format, `it lacks ${missing.join(' and ')}`);
}

function unusable(format: string, why: string): ForeshardError {
  const hint = "Give the string of nginx's log_format as it stands in nginx.conf, in single quotes.";
  return new ForeshardError('usage', `The log format ${JSON.stringify(format.slice(0, 300))} cannot be used: ${why}.`, { hint });
}
