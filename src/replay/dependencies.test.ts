import { expect, test } from 'vitest';
import type { RecordedCall } from '../model/recording.ts';
import { RecordingInMemory } from '../testing/recording-in-memory.ts';
import { CallIndex, CallReplay, type AskedCall } from './dependencies.ts';

const recorded = (method: string, target: string, position: number): RecordedCall => ({
  dependency: 'shop', request: { method, target, headers: [], body: null }, response: { status: 201, headers: [], body: null }, position, durationMs: 1,
});
const asked = (method: string, target: string): AskedCall => ({ dependency: 'shop', method, target, headers: [], body: new Uint8Array() });

function replayOf(...calls: readonly RecordedCall[]): CallReplay {
  const builder = new RecordingInMemory();
  const request = builder.request({ id: 'r000001', position: 1, calls });
  const recording = builder.build();
  return new CallReplay(recording, request, new CallIndex(recording));
}

test('calls that came before others had their answer say so', async () => {
  const replay = replayOf(recorded('POST', '/a', 2), recorded('POST', '/b', 3), recorded('POST', '/c', 4));
  const first = replay.answer(asked('POST', '/a'));
  await new Promise((resolve) => setImmediate(resolve)); // on its own connection, a little later
  await Promise.all([first, replay.answer(asked('POST', '/b'))]);
  await replay.answer(asked('POST', '/c'));
  expect(replay.calls.map(({ target, during }) => [target, during])).toEqual([['/a', undefined], ['/b', [0]], ['/c', undefined]]);
});

test('calls one after the other do not, whatever they are answered', async () => {
  const replay = replayOf(recorded('GET', '/a', 2), recorded('POST', '/b', 3));
  for (const call of [asked('GET', '/a'), asked('POST', '/b'), asked('DELETE', '/nothing')]) await replay.answer(call);
  expect(replay.calls.map(({ during, status }) => [during, status])).toEqual([[undefined, 201], [undefined, 201], [undefined, null]]);
});
