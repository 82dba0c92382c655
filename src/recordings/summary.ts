import { byteString, printable } from '../lib/bytes.ts';
import { groupBy } from '../lib/group-by.ts';
import { decodeValue, looksEncoded } from '../model/element-codec.ts';
import type { ElementValue } from '../model/element.ts';
import { ForeshardError } from '../model/errors.ts';
import type {
  Header, PayloadRef, RecordedHttpRequest, RecordedHttpResponse, RecordedProblem, Recording, RequestId, RequestRecord, Revision,
} from '../model/recording.ts';
import { routeOf } from '../model/route.ts';
import type { StateKey } from '../model/state-key.ts';

/** The requests of one route. */
export interface RouteSummary {
  readonly route: string;
  readonly requests: number;
  /** Responses by status; `none` for requests without one. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Distinct elements, over all requests. */
  readonly elementsRead: number;
  readonly elementsWritten: number;
  readonly calls: number;
  /** Requests that have a problem. */
  readonly withProblems: number;
  readonly medianMs: number;
}

/** What a recording holds. */
export interface RecordingSummary {
  readonly createdAt: number;
  readonly tool: string;
  readonly ended: boolean;
  readonly requests: number;
  readonly elements: number;
  readonly revisions: number;
  /** Unix milliseconds of the first and the last request; null for none. */
  readonly from: number | null;
  readonly to: number | null;
  readonly losses: readonly { readonly code: string; readonly message: string; readonly count: number }[];
  /** Problems of requests by code. */
  readonly problems: Readonly<Record<string, number>>;
  /** Most requests first. */
  readonly routes: readonly RouteSummary[];
}

/** A recording at a glance, for `foreshard list`. */
export function summarise(recording: Recording): RecordingSummary {
  const { requests, chains, manifest } = recording;
  const routes = groupBy(requests, (request) => routeOf(request.request.method, request.request.target));
  const problems: Record<string, number> = {};
  for (const problem of requests.flatMap((request) => request.problems)) problems[problem.code] = (problems[problem.code] ?? 0) + 1;
  return {
    createdAt: manifest.createdAt, tool: manifest.tool, ended: recording.ended, requests: requests.length, elements: chains.size,
    revisions: [...chains.values()].reduce((sum, chain) => sum + chain.revisions.length, 0),
    from: requests[0]?.at ?? null, to: requests.at(-1)?.at ?? null,
    losses: recording.losses.map(({ code, message, count }) => ({ code, message, count })), problems,
    routes: [...routes].map(([route, list]) => summariseRoute(route, list)).sort((a, b) => b.requests - a.requests || (a.route < b.route ? -1 : 1)),
  };
}

function summariseRoute(route: string, requests: readonly RequestRecord[]): RouteSummary {
  const statuses: Record<string, number> = {};
  for (const { response } of requests) {
    const status = response === null ? 'none' : String(response.status);
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  const touches = requests.flatMap((request) => request.touches);
  const durations = requests.map((request) => request.durationMs).sort((a, b) => a - b);
  return {
    route, requests: requests.length, statuses,
    elementsRead: new Set(touches.filter((touch) => touch.read).map((touch) => touch.key)).size,
    elementsWritten: new Set(touches.filter((touch) => touch.written).map((touch) => touch.key)).size,
    calls: requests.reduce((sum, request) => sum + request.calls.length, 0),
    withProblems: requests.filter((request) => request.problems.length > 0).length,
    medianMs: durations[Math.floor(durations.length / 2)] ?? 0,
  };
}

/** A payload as far as it can be shown. */
export type ShownPayload =
  | { readonly kind: 'text'; readonly text: string; readonly sizeBytes: number }
  | { readonly kind: 'element'; readonly value: ElementValue; readonly sizeBytes: number }
  /** Missing or corrupt. */
  | { readonly kind: 'unreadable'; readonly reason: string; readonly sizeBytes: number };

/** A message with its body. */
export interface DescribedMessage {
  readonly headers: readonly Header[];
  readonly body: ShownPayload | null;
}

/** One element a request touched, with what it met and what it left. */
export interface DescribedElement {
  readonly key: StateKey;
  readonly read: boolean;
  readonly written: boolean;
  /** null: the recording does not hold that revision, or the element did not exist. */
  readonly before: DescribedRevision | null;
  readonly after: DescribedRevision | null;
}

/** A revision with its value; `payload: null` where the element did not exist. */
export interface DescribedRevision {
  readonly revision: number;
  readonly cause: Revision['cause'];
  readonly expiresAtMs: number | null;
  readonly payload: ShownPayload | null;
}

/** All that is known of one recorded request. */
export interface DescribedRequest {
  readonly id: RequestId;
  readonly route: string;
  readonly at: number;
  readonly durationMs: number;
  readonly lane: string;
  readonly attribution: RequestRecord['attribution'];
  readonly request: DescribedMessage & { readonly method: string; readonly target: string };
  readonly response: (DescribedMessage & { readonly status: number }) | null;
  readonly elements: readonly DescribedElement[];
  readonly calls: readonly {
    readonly dependency: string;
    readonly request: DescribedRequest['request'];
    readonly response: DescribedRequest['response'];
  }[];
  readonly commands: number;
  readonly problems: readonly RecordedProblem[];
}

/**
 * One request with its bodies and the state it met and left, for `foreshard inspect`. An unreadable payload is shown as such.
 * @throws ForeshardError `request_not_found`
 */
export async function describeRequest(recording: Recording, id: RequestId): Promise<DescribedRequest> {
  const record = recording.requests.find((request) => request.id === id);
  if (record === undefined) {
    throw new ForeshardError('request_not_found', `The recording has no request ${id}; it has ${recording.requests.length} requests.`, {
      hint: 'Ids look like r000042; `foreshard list` shows what there is.',
    });
  }
  return {
    id, route: routeOf(record.request.method, record.request.target), at: record.at, durationMs: record.durationMs, lane: record.lane,
    attribution: record.attribution, commands: record.commands, problems: record.problems,
    request: await describedRequest(recording, record.request), response: await describedResponse(recording, record.response),
    elements: await Promise.all(record.touches.map((touch) => describedElement(recording, record, touch))),
    calls: await Promise.all(record.calls.map(async (call) => ({
      dependency: call.dependency, request: await describedRequest(recording, call.request), response: await describedResponse(recording, call.response),
    }))),
  };
}

async function describedRequest(recording: Recording, request: RecordedHttpRequest): Promise<DescribedRequest['request']> {
  return { method: request.method, target: request.target, headers: request.headers, body: await shown(recording, request.body) };
}

async function describedResponse(recording: Recording, response: RecordedHttpResponse | null): Promise<DescribedRequest['response']> {
  return response && { status: response.status, headers: response.headers, body: await shown(recording, response.body) };
}

async function describedElement(recording: Recording, record: RequestRecord, touch: RequestRecord['touches'][number]): Promise<DescribedElement> {
  const revisions = recording.chains.get(touch.key)?.revisions ?? [];
  const last = record.writes.findLast((write) => write.key === touch.key)?.revision;
  const describe = async (number: number | undefined): Promise<DescribedRevision | null> => {
    const found = revisions.find((revision) => revision.revision === number);
    if (found === undefined) return null;
    const { revision, cause, expiresAtMs, hash, sizeBytes } = found;
    return { revision, cause, expiresAtMs, payload: await shown(recording, hash === null ? null : { hash, sizeBytes }) };
  };
  return { key: touch.key, read: touch.read, written: touch.written, before: await describe(touch.revision), after: await describe(last) };
}

async function shown(recording: Recording, ref: PayloadRef | null): Promise<ShownPayload | null> {
  if (ref === null) return null;
  const { sizeBytes } = ref;
  try {
    const bytes = await recording.payload(ref.hash);
    if (looksEncoded(bytes)) return { kind: 'element', value: decodeValue(bytes), sizeBytes };
    return { kind: 'text', text: printable(byteString(bytes)), sizeBytes };
  } catch (error) {
    if (!(error instanceof ForeshardError)) throw error;
    return { kind: 'unreadable', reason: error.message, sizeBytes };
  }
}
