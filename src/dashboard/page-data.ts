import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { byteString, bytesOf, clipped, printable, type ByteString } from '../lib/bytes.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import type { ElementValue } from '../model/element.ts';
import { expiryInWords } from '../model/expiry-words.ts';
import type { Header, RequestRecord } from '../model/recording.ts';
import { verdicts, type CaseReport, type Report } from '../model/report.ts';
import type { CaseOutcome, Effect, Run } from '../model/run.ts';

/** What the page is made of. */
export interface ReportPageInput {
  readonly report: Report;
  /** The candidate's run. */
  readonly run: Run;
  /** What each request was compared with. */
  readonly baseline: ReadonlyMap<string, CaseOutcome>;
  readonly recording: {
    readonly requests: readonly RequestRecord[];
    payload(hash: ContentHash): Promise<Uint8Array>;
  };
}

/** Longest text of one body or value on the page, and how much detail a page holds in all: pages must open at once and be sent around. */
const longestText = 40_000;
/** Longer ones are not looked into. */
const longestParsed = 2_000_000;
const largestDetail = 48_000_000;

/** The page's data: the report, a short line for every case, and the details of those that are not the same, as many as fit. */
export async function pageData(input: ReportPageInput): Promise<unknown> {
  const { report } = input;
  const { cases: _cases, groups, ...head } = report;
  const candidate = new Map(input.run.outcomes.map((outcome) => [outcome.id, outcome]));
  const records = new Map(input.recording.requests.map((record) => [record.id, record]));
  const position = new Map(report.cases.map((entry, index) => [entry.id, index]));
  const details: Record<string, unknown> = {};
  let size = 0;
  for (const entry of byImportance(report)) {
    if (size > largestDetail) break;
    const detail = await detailOf(entry, records.get(entry.id), input, input.baseline.get(entry.id), candidate.get(entry.id));
    size += JSON.stringify(detail).length;
    details[entry.id] = detail;
  }
  return {
    head: { ...head, mode: input.run.mode, lanes: input.run.lanes, concurrency: input.run.concurrency },
    groups: groups.map(({ cases, ...group }) => ({ ...group, cases: cases.map((id) => position.get(id) ?? -1) })),
    cases: report.cases.map((entry) => [entry.id, entry.method, printable(entry.target), verdicts.indexOf(entry.verdict), entry.differences.length, entry.route ?? '']),
    details,
  };
}

/** One case of every cause first, so that whatever is cut, each cause can be looked at; then the rest in order. */
function byImportance(report: Report): Iterable<CaseReport> {
  const byId = new Map(report.cases.map((entry) => [entry.id, entry]));
  const firsts = report.groups.flatMap((group) => group.cases.slice(0, 3)).flatMap((id) => byId.get(id) ?? []);
  const order = ['differs', 'error', 'inconclusive', 'not_run', 'noise'];
  const rest = report.cases.filter((entry) => entry.verdict !== 'same').sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const samples = report.cases.filter((entry) => entry.verdict === 'same').slice(0, 200);
  return new Set([...firsts, ...rest, ...samples]);
}

async function detailOf(entry: CaseReport, record: RequestRecord | undefined, input: ReportPageInput, baseline: CaseOutcome | undefined, candidate: CaseOutcome | undefined): Promise<unknown> {
  const { differences, hiddenDifferences = [], problems, renamed = [], hidden } = entry;
  return {
    differences: differences.map((difference) => ({ ...difference, path: difference.at ?? difference.path, ...difference.key === undefined ? {} : { key: printable(difference.key) } })),
    hiddenDifferences, problems, renamed, hidden,
    request: record === undefined ? null : {
      headers: record.request.headers, body: await requestBody(record, input), at: record.at,
    },
    baseline: outcomeView(baseline), candidate: withNames(outcomeView(candidate), renamed),
  };
}

/** The candidate's outcome with the baseline's ids in place of its own, so that both sides can be read line by line. */
function withNames(view: unknown, renamed: NonNullable<CaseReport['renamed']>): unknown {
  if (renamed.length === 0) return view;
  const names = new Map(renamed.map(({ baseline, candidate }) => [candidate, baseline]));
  const alternatives = [...names.keys()].sort((a, b) => b.length - a.length).map((token) => token.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&'));
  const pattern = new RegExp(`(?<![A-Za-z0-9])(?:${alternatives.join('|')})(?![A-Za-z0-9])`, 'g');
  const rename = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(pattern, (token) => names.get(token) ?? token);
    if (Array.isArray(value)) return value.map(rename);
    if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rename(inner)]));
    return value;
  };
  return rename(view);
}

async function requestBody(record: RequestRecord, input: ReportPageInput): Promise<string> {
  if (record.request.body === null) return '';
  try {
    return bodyText(record.request.headers, byteString(await input.recording.payload(record.request.body.hash)));
  } catch (error) {
    return `(not readable: ${(error as Error).message})`;
  }
}

function outcomeView(outcome: CaseOutcome | undefined): unknown {
  if (outcome === undefined) return null;
  const { response } = outcome;
  return {
    status: outcome.status, commands: outcome.commands, timing: outcome.timing,
    response: response === null ? null : { status: response.status, headers: response.headers, body: bodyText(response.headers, response.body) },
    effects: outcome.effects.map(effectView),
    calls: outcome.calls.map((call) => ({ dependency: call.dependency, method: call.method, target: printable(call.target), body: bodyText(call.headers, call.body), status: call.status, provenance: call.provenance })),
    messages: outcome.messages.map(({ channel, message }) => ({ channel: printable(channel), message: prettyText(message) })),
    reads: outcome.reads.map((read) => ({ ...read, key: printable(read.key) })),
  };
}

function effectView(effect: Effect): unknown {
  return {
    key: printable(effect.key),
    type: effect.after?.value.type ?? null,
    before: effect.before === null ? null : valueText(effect.before.value),
    after: effect.after === null ? null : valueText(effect.after.value),
    parts: effect.parts.map(printable),
    written: effect.valueWritten || effect.parts.length > 0,
    expiry: effect.expiry === null ? null : expiryInWords(effect.expiry),
  };
}

/** An element's value as lines, one a field, member or item, in an order that does not depend on the server's. */
function valueText(value: ElementValue): string {
  switch (value.type) {
    case 'string': return prettyText(value.value);
    case 'hash': return [...value.fields].map(([field, content]) => `${printable(field)}: ${prettyText(content)}`).sort().join('\n');
    case 'list': return value.items.map(prettyText).join('\n');
    case 'set': return value.members.map(prettyText).sort().join('\n');
    case 'zset': return value.members.map(([member, score]) => `${score}  ${prettyText(member)}`).join('\n');
    case 'stream': return value.items.map(({ id, fields }) => `${id}  ${fields.map(([field, content]) => `${printable(field)}=${printable(content)}`).join(' ')}`).join('\n');
  }
}

function bodyText(headers: readonly Header[], body: ByteString): string {
  const coding = headers.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1].toLowerCase();
  const undo = coding === 'gzip' ? gunzipSync : coding === 'br' ? brotliDecompressSync : coding === 'deflate' ? inflateSync : undefined;
  if (undo === undefined) return prettyText(body);
  try {
    return prettyText(byteString(undo(bytesOf(body), { maxOutputLength: 64 * 1024 * 1024 })));
  } catch {
    return prettyText(body);
  }
}

/** JSON indented, other text as it is, bytes escaped; cut where it is long. */
function prettyText(bytes: ByteString): string {
  if (bytes.length > longestParsed) return `${printable(clipped(bytes, longestText))}\n… (${bytes.length.toLocaleString('en')} bytes in all)`;
  let text = printable(bytes);
  if (/^\s*[[{]/.test(text) && !/\d{16}/.test(text)) {
    try {
      text = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // not JSON after all
    }
  }
  return text.length <= longestText ? text : `${text.slice(0, longestText)}\n… (${text.length.toLocaleString('en')} characters in all)`;
}
