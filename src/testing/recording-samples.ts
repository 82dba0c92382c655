import type { PayloadRef, RecordingManifest, RequestRecord, Revision } from '../model/recording.ts';

/** A manifest for tests. */
export const sampleManifest: Omit<RecordingManifest, 'kind' | 'formatVersion'> = {
  createdAt: 1_700_000_000_000, tool: 'foreshard test',
  service: { command: ['node', 'server.js'], env: {}, readyTimeoutMs: 1000 },
  redis: [{ name: 'redis', upstream: 'redis://127.0.0.1:6379', address: '127.0.0.1:6379' }],
  http: [], servers: {}, preload: false,
};

/** A recorded request for tests; everything not given is empty. */
export function sampleRequest(number: number, given: Partial<RequestRecord> = {}): RequestRecord {
  return {
    kind: 'request', id: `r${String(number).padStart(6, '0')}`, position: number * 10, endPosition: number * 10 + 5,
    at: 1_700_000_000_000 + number * 1000, durationMs: 3, lane: 'lane-1', attribution: 'lane', seed: '0'.repeat(32),
    request: { method: 'GET', target: `/cart/${number}`, headers: [['host', 'shop']], body: null },
    response: { status: 200, headers: [], body: null }, touches: [], writes: [], calls: [], hints: [], commands: 1, commandNames: ['GET'],
    problems: [], ...given,
  };
}

/** A revision for tests; without a payload a tombstone. */
export function sampleRevision(key: string, revision: number, payload: PayloadRef | null, given: Partial<Revision> = {}): Revision {
  return {
    kind: 'revision', key, revision, hash: payload?.hash ?? null, sizeBytes: payload?.sizeBytes ?? 0, expiresAtMs: null,
    position: revision * 10 + 1, at: 1_700_000_000_000, by: null, cause: revision === 1 ? 'initial' : 'write', ...given,
  };
}
