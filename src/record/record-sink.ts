import type { RedisRecordingSink } from '../gateways/redis/recording-sink.ts';
import { encodeValue } from '../model/element-codec.ts';
import type { Element } from '../model/element.ts';
import type { LossRecord, OutcomeHint, PayloadRef, RecordedProblem, RecordingLine, RequestId, RevisionCause } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import type { OpenRequest } from './request-log.ts';

/** Where recorded lines and payloads go: a folder on disk, or memory in tests. */
export interface RecordingOutput {
  /** `key`: the element whose encoded value this is; undefined for a body. */
  payload(bytes: Uint8Array, key?: StateKey): PayloadRef;
  append(line: RecordingLine): void;
  /** Resolves when nothing more can be kept. */
  readonly failed: Promise<Error>;
}

/** What identifies the current revision of an element. */
interface Current {
  revision: number;
  hash: string | null;
  expiresAtMs: number | null;
}

/**
 * Turns what the gateways see into the lines of a recording: numbers revisions, gives every event its position, and keeps what belongs
 * to each request in flight until it is finished.
 */
export class RecordSink implements RedisRecordingSink {
  readonly #output: RecordingOutput;
  readonly #current = new Map<StateKey, Current>();
  readonly #open = new Map<RequestId, OpenRequest>();
  readonly #laneRequest = new Map<string, RequestId>();
  readonly #losses = new Map<string, { code: string; message: string; count: number }>();
  #position = 0;
  #outside = 0;

  constructor(output: RecordingOutput) {
    this.#output = output;
  }

  /** The position after every event so far. */
  get position(): number {
    return this.#position;
  }

  /** Takes the next position. */
  advance(): number {
    return ++this.#position;
  }

  /** Commands that belonged to no request. */
  get commandsOutside(): number {
    return this.#outside;
  }

  /** A request enters: by its tag, and in a lane of one request as the lane's current one. */
  open(request: OpenRequest): void {
    this.#open.set(request.id, request);
    if (request.attribution === 'lane') this.#laneRequest.set(request.lane, request.id);
  }

  /** A request is finished; what comes later with its tag is a loss. */
  close(request: OpenRequest): void {
    this.#open.delete(request.id);
    if (this.#laneRequest.get(request.lane) === request.id) this.#laneRequest.delete(request.lane);
  }

  /** The request in flight by this id. */
  request(id: RequestId | null): OpenRequest | undefined {
    return id === null ? undefined : this.#open.get(id);
  }

  requestOf(lane: string, tag: string | null): RequestId | null {
    if (tag === null) return this.#laneRequest.get(lane) ?? null;
    if (this.#open.has(tag)) return tag;
    this.loss('late_command', 'commands came with the tag of a request that had ended already; their effects are recorded outside any request');
    return null;
  }

  revision(key: StateKey, element: Element | null, cause: RevisionCause, by: RequestId | null): number {
    const payload = element === null ? null : this.#output.payload(encodeValue(element.value), key);
    const hash = payload?.hash ?? null;
    const expiresAtMs = element?.expiresAtMs ?? null;
    const before = this.#current.get(key);
    if (before !== undefined && before.hash === hash && before.expiresAtMs === expiresAtMs) return before.revision;
    const revision = (before?.revision ?? 0) + 1;
    this.#current.set(key, { revision, hash, expiresAtMs });
    this.#output.append({
      kind: 'revision', key, revision, hash, sizeBytes: payload?.sizeBytes ?? 0, expiresAtMs, position: this.advance(), at: Date.now(), by, cause,
    });
    if (cause === 'write') this.request(by)?.write(key, revision);
    return revision;
  }

  touch(by: RequestId | null, key: StateKey, revision: number, access: { read: boolean; written: boolean; raced?: boolean }): void {
    this.request(by)?.touch(key, revision, access);
  }

  listing(by: RequestId | null): void {
    this.request(by)?.listing(this.#position);
  }

  hint(by: RequestId | null, hint: OutcomeHint): void {
    this.request(by)?.hint(hint);
  }

  command(by: RequestId | null, name: string): void {
    const request = this.request(by);
    if (request === undefined) this.#outside++;
    else request.command(name);
  }

  problem(by: RequestId | null, problem: RecordedProblem): void {
    const request = this.request(by);
    if (request === undefined) this.loss(problem.code, problem.message);
    else request.problem(problem);
  }

  loss(code: string, message: string): void {
    const known = this.#losses.get(code);
    if (known === undefined) this.#losses.set(code, { code, message, count: 1 });
    else known.count++;
  }

  complete(scope: string): void {
    this.#output.append({ kind: 'complete', scope, position: this.advance() });
  }

  /** Writes the losses counted so far as lines. */
  writeLosses(): LossRecord[] {
    const lines = [...this.#losses.values()].map((loss): LossRecord => ({ kind: 'loss', ...loss, position: this.#position }));
    for (const line of lines) this.#output.append(line);
    return lines;
  }
}
