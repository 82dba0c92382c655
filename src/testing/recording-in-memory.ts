import { contentHash } from '../lib/content-hash.ts';
import { encodeValue } from '../model/element-codec.ts';
import type { ElementValue } from '../model/element.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Chain, Recording, RequestRecord, Revision, RevisionCause } from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';

/** Builds a recording in memory, for tests of what reads one. */
export class RecordingInMemory {
  readonly #payloads = new Map<string, Uint8Array>();
  readonly #chains = new Map<StateKey, Revision[]>();
  readonly #requests: RequestRecord[] = [];
  readonly #complete: string[] = [];

  /** Adds a revision (value null: a tombstone) and returns its number. */
  revision(key: StateKey, value: ElementValue | null, options: { readonly position: number; readonly cause?: RevisionCause; readonly expiresAtMs?: number }): number {
    const revisions = this.#chains.get(key) ?? [];
    this.#chains.set(key, revisions);
    const bytes = value === null ? undefined : encodeValue(value);
    revisions.push({
      kind: 'revision', key, revision: revisions.length + 1, hash: bytes === undefined ? null : this.payload(bytes), sizeBytes: bytes?.length ?? 0,
      expiresAtMs: options.expiresAtMs ?? null, position: options.position, at: 0, by: null, cause: options.cause ?? 'write',
    });
    return revisions.length;
  }

  /** Keeps bytes and returns their hash. */
  payload(bytes: Uint8Array): string {
    const hash = contentHash(bytes);
    this.#payloads.set(hash, bytes);
    return hash;
  }

  /** Adds a request; what is left out is empty. */
  request(fields: Partial<RequestRecord> & Pick<RequestRecord, 'id' | 'position'>): RequestRecord {
    const record: RequestRecord = {
      kind: 'request', endPosition: fields.position + 1, at: 1_700_000_000_000, durationMs: 1, lane: 'lane-1', attribution: 'context',
      seed: '0123456789abcdef0123456789abcdef', request: { method: 'GET', target: '/', headers: [], body: null },
      response: { status: 200, headers: [], body: null }, touches: [], writes: [], calls: [], hints: [], commands: 0, commandNames: [], problems: [], ...fields,
    };
    this.#requests.push(record);
    return record;
  }

  /** Says that every key of a scope is known. */
  complete(scope: string): void {
    this.#complete.push(scope);
  }

  /** The recording as a stage sees it. */
  build(): Recording {
    const chains = new Map<StateKey, Chain>([...this.#chains].map(([key, revisions]) => [key, { key, revisions }]));
    return {
      manifest: {
        kind: 'recording', formatVersion: 1, createdAt: 1_700_000_000_000, tool: 'test', service: { command: ['node'], env: {}, readyTimeoutMs: 1000 },
        redis: [{ name: 'redis', upstream: 'embedded', address: '127.0.0.1:6379' }], http: [], servers: {}, preload: true,
      },
      requests: this.#requests, chains, completeness: this.#complete.map((scope) => ({ kind: 'complete', scope, position: 0 })), losses: [], ended: true,
      payload: async (hash) => {
        const bytes = this.#payloads.get(hash);
        if (bytes === undefined) throw new ForeshardError('payload_missing', `no payload ${hash}`);
        return bytes;
      },
    };
  }
}
