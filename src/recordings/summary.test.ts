import { expect, test } from 'vitest';
import { contentHash } from '../lib/content-hash.ts';
import { encodeValue } from '../model/element-codec.ts';
import { ForeshardError } from '../model/errors.ts';
import type { PayloadRef, Recording } from '../model/recording.ts';
import { sampleManifest, sampleRequest, sampleRevision } from '../testing/recording-samples.ts';
import { describeRequest, summarise } from './summary.ts';

const kept = new Map<string, Uint8Array>();
function keep(bytes: Uint8Array): PayloadRef {
  const hash = contentHash(bytes);
  kept.set(hash, bytes);
  return { hash, sizeBytes: bytes.length };
}

const key = 'redis:0/cart:7';
const before = sampleRevision(key, 1, keep(encodeValue({ type: 'string', value: 'one' })));
const after = sampleRevision(key, 2, keep(encodeValue({ type: 'string', value: 'two' })), { by: 'r000001' });
const recording: Recording = {
  manifest: { kind: 'recording', formatVersion: 1, ...sampleManifest },
  requests: [
    sampleRequest(1, {
      durationMs: 9, request: { method: 'POST', target: '/cart/7', headers: [], body: keep(Buffer.from('{"n":"é"}')) },
      response: { status: 201, headers: [], body: { hash: 'f'.repeat(64), sizeBytes: 5 } },
      touches: [{ key, revision: 1, read: true, written: true }], writes: [{ key, revision: 2 }],
    }),
    sampleRequest(2), sampleRequest(3, { response: null, durationMs: 7, problems: [{ code: 'no_response', message: 'none' }] }),
  ],
  chains: new Map([[key, { key, revisions: [before, after] }]]),
  completeness: [], losses: [{ kind: 'loss', code: 'late_command', message: 'late', count: 2, position: 9 }], ended: false,
  payload: async (hash) => {
    const bytes = kept.get(hash);
    if (bytes === undefined) throw new ForeshardError('payload_missing', 'it is gone');
    return bytes;
  },
};

test('a summary counts by route', () => {
  const summary = summarise(recording);
  expect(summary).toMatchObject({ ended: false, requests: 3, elements: 1, revisions: 2, problems: { no_response: 1 }, losses: [{ code: 'late_command', count: 2 }] });
  expect(summary.routes).toEqual([
    { route: 'GET /cart/:id', requests: 2, statuses: { 200: 1, none: 1 }, elementsRead: 0, elementsWritten: 0, calls: 0, withProblems: 1, medianMs: 7 },
    { route: 'POST /cart/:id', requests: 1, statuses: { 201: 1 }, elementsRead: 1, elementsWritten: 1, calls: 0, withProblems: 0, medianMs: 9 },
  ]);
});

test('a request is described with bodies and with the state before and after', async () => {
  const described = await describeRequest(recording, 'r000001');
  expect(described.request.body).toEqual({ kind: 'text', text: '{"n":"é"}', sizeBytes: 10 });
  expect(described.response).toMatchObject({ status: 201, body: { kind: 'unreadable', reason: 'it is gone' } });
  expect(described.elements).toMatchObject([{
    key, before: { revision: 1, payload: { value: { value: 'one' } } }, after: { revision: 2, payload: { value: { value: 'two' } } },
  }]);
  await expect(describeRequest(recording, 'r9')).rejects.toMatchObject({ code: 'request_not_found' });
});
