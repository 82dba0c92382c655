import type { ByteString } from '../lib/bytes.ts';
import type { ContentHash } from '../lib/content-hash.ts';
import type { StateKey } from './state-key.ts';

/** The format this release writes. A reader refuses a higher one (`recording_newer`) and reads every lower one. */
export const recordingFormatVersion = 1;

/** Names a recorded request: `r` and its number in order of arrival, for example `r000042`. */
export type RequestId = string;

/** A payload kept once by its content. */
export interface PayloadRef {
  readonly hash: ContentHash;
  readonly sizeBytes: number;
}

/** A header line as it was on the wire: order, case and repeats are kept. */
export type Header = readonly [name: string, value: string];

/** A recorded HTTP request without its body's bytes. */
export interface RecordedHttpRequest {
  readonly method: string;
  /** Path and query as on the request line. */
  readonly target: string;
  readonly headers: readonly Header[];
  /** null: no body. */
  readonly body: PayloadRef | null;
}

/** A recorded HTTP response without its body's bytes. */
export interface RecordedHttpResponse {
  readonly status: number;
  readonly headers: readonly Header[];
  readonly body: PayloadRef | null;
}

/** How a revision came to be known. */
export type RevisionCause =
  /** what the element was before anything recorded wrote it; valid from the beginning of the recording */
  | 'initial'
  | 'write'
  /** changed by something that did not go through the gateway */
  | 'external'
  | 'expired';

/**
 * One immutable state of one element. `hash: null` is a tombstone: the element does not exist.
 * `position` orders all events of a recording; a revision is what readers see from its position on.
 */
export interface Revision {
  readonly kind: 'revision';
  readonly key: StateKey;
  /** 1, 2, 3 … within its key. */
  readonly revision: number;
  readonly hash: ContentHash | null;
  readonly sizeBytes: number;
  /** Unix milliseconds; null for never. */
  readonly expiresAtMs: number | null;
  readonly position: number;
  /** Unix milliseconds. */
  readonly at: number;
  /** The request that wrote it; null: outside any request. */
  readonly by: RequestId | null;
  readonly cause: RevisionCause;
}

/** The revision of an element that a request met when it first touched it. */
export interface Touch {
  readonly key: StateKey;
  readonly revision: number;
  readonly read: boolean;
  readonly written: boolean;
  /**
   * Something else changed the element between two uses of it by this request, or was served by it at once: what it did is not what it
   * does alone.
   */
  readonly raced?: true;
}

/** A call of the service to an HTTP dependency, in the order they were made. */
export interface RecordedCall {
  readonly dependency: string;
  readonly request: RecordedHttpRequest;
  readonly response: RecordedHttpResponse | null;
  readonly position: number;
  readonly durationMs: number;
}

/**
 * What a command with no determined outcome gave (SPOP, SRANDMEMBER, RANDOMKEY …) or in which order a whole-collection
 * command listed its reply (KEYS, SMEMBERS …), so that replay can give the same where the state allows it.
 */
export interface OutcomeHint {
  /** Upper-case command name. */
  readonly command: string;
  /** Arguments after the name. */
  readonly args: readonly ByteString[];
  readonly database: number;
  readonly outcome: readonly ByteString[];
}

/** Something that makes a recorded request less than exact, by name. */
export interface RecordedProblem {
  readonly code: string;
  readonly message: string;
  readonly key?: StateKey;
}

/** One recorded request with all it touched. Written once, when its lane (or its context) is idle. */
export interface RequestRecord {
  readonly kind: 'request';
  readonly id: RequestId;
  /** Position when it was handed to the service, and when its last effect was seen. */
  readonly position: number;
  readonly endPosition: number;
  /** Unix milliseconds. The case's clock starts here. */
  readonly at: number;
  readonly durationMs: number;
  readonly lane: string;
  readonly attribution: 'lane' | 'context';
  /** 32 hexadecimal digits: what the request's randomness came from where the preload was in. */
  readonly seed: string;
  readonly request: RecordedHttpRequest;
  /** null: the service gave none (see problems). */
  readonly response: RecordedHttpResponse | null;
  /** Elements in the order of first touch. */
  readonly touches: readonly Touch[];
  /** Every revision this request wrote. */
  readonly writes: readonly { readonly key: StateKey; readonly revision: number }[];
  readonly calls: readonly RecordedCall[];
  readonly hints: readonly OutcomeHint[];
  /** Position as of which it was first given the list of all keys; undefined: it asked for none. */
  readonly listedAt?: number;
  /** When it listed keys last, if that was later: keys may have come and gone meanwhile. */
  readonly listedUntil?: number;
  /** Commands sent to the state servers. */
  readonly commands: number;
  /** Upper-case names of the commands it sent. */
  readonly commandNames: readonly string[];
  readonly problems: readonly RecordedProblem[];
}

/** A loss that belongs to no single request: said, counted, never silent. */
export interface LossRecord {
  readonly kind: 'loss';
  readonly code: string;
  readonly message: string;
  readonly count: number;
  readonly position: number;
}

/** From which position on every key of a Redis database is known, so that a key without a revision is known to be absent. */
export interface CompletenessRecord {
  readonly kind: 'complete';
  /** Scope as in a state key: `redis:0` for database 0, or `redis` for every database of that server. */
  readonly scope: string;
  readonly position: number;
}

/** The last line of a recording that was closed properly. */
export interface EndRecord {
  readonly kind: 'end';
  readonly position: number;
  readonly requests: number;
  readonly at: number;
}

/** A line of a segment. */
export type RecordingLine = Revision | RequestRecord | LossRecord | CompletenessRecord | EndRecord;

/** How the recorded service was started and reached: enough to start it again. */
export interface ServiceSpec {
  /** argv; undefined when the user attached to something already running. */
  readonly command: readonly string[];
  /** Port the service believes it listens on; undefined: found out from the service. */
  readonly port?: number;
  /** Environment added to the current one. Values may hold placeholders such as `{redis.url}`, `{http.catalogue.url}`, `{port}`. */
  readonly env: Readonly<Record<string, string>>;
  /** Path polled until it answers with a status below 500 other than 404; undefined: a TCP connection is enough. */
  readonly readyPath?: string;
  readonly readyTimeoutMs: number;
}

/** A Redis server the service uses. */
export interface RedisSpec {
  /** Name in state keys; `redis` for the first. */
  readonly name: string;
  /** `embedded`, or `redis://[user:password@]host:port`. */
  readonly upstream: string;
  /** host:port the service has in its code or settings, to be led to the gateway. */
  readonly address: string;
}

/** An HTTP dependency of the service. */
export interface HttpSpec {
  readonly name: string;
  /** Base URL of the real one; not needed in replay. */
  readonly upstream: string;
  /** host:port the service has in its code or settings, to be led to the gateway. */
  readonly address: string;
}

/** The first file of a recording. */
export interface RecordingManifest {
  readonly kind: 'recording';
  readonly formatVersion: number;
  readonly createdAt: number;
  readonly tool: string;
  readonly service: ServiceSpec;
  readonly redis: readonly RedisSpec[];
  readonly http: readonly HttpSpec[];
  /** Version lines of the servers recorded from, for people. */
  readonly servers: Readonly<Record<string, string>>;
  /** The preload was in: time and randomness came from each request's seed. */
  readonly preload: boolean;
  /** The service was recorded without the preload because somebody said so: it is replayed without it too. */
  readonly preloadOff?: boolean;
  /** The service was led to the gateways by a network of its own: it is replayed in one. */
  readonly ownNetwork?: boolean;
}

/** What a stage needs of an opened recording. `recordings/` provides it from a folder, tests from memory. */
export interface Recording {
  readonly manifest: RecordingManifest;
  /** In order of arrival. */
  readonly requests: readonly RequestRecord[];
  readonly chains: ReadonlyMap<StateKey, Chain>;
  readonly completeness: readonly CompletenessRecord[];
  readonly losses: readonly LossRecord[];
  /** false: the recorder was killed; what is here is whole up to where it ends. */
  readonly ended: boolean;
  /** The bytes of a payload, checked against its hash. Throws `payload_missing` or `payload_corrupt`. */
  payload(hash: ContentHash): Promise<Uint8Array>;
}

/** Every known revision of one element, by position. */
export interface Chain {
  readonly key: StateKey;
  readonly revisions: readonly Revision[];
}
