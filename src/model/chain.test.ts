import { expect, test } from 'vitest';
import { isComplete, revisionAsOf } from './chain.ts';
import type { Chain, CompletenessRecord, Revision, RevisionCause } from './recording.ts';

function revision(number: number, position: number, cause: RevisionCause, hash: string | null = `h${number}`): Revision {
  return { kind: 'revision', key: 'redis:0/k', revision: number, hash, sizeBytes: 1, expiresAtMs: null, position, at: 0, by: null, cause };
}

function numberAt(chain: Chain | undefined, position: number): number | undefined {
  const at = revisionAsOf(chain, position);
  return at.known ? at.revision.revision : undefined;
}

test('a reader sees the newest revision at or before its position', () => {
  const chain: Chain = { key: 'redis:0/k', revisions: [revision(1, 10, 'initial'), revision(2, 20, 'write'), revision(3, 30, 'write', null)] };
  expect([10, 19, 20, 29, 30, 99].map((position) => numberAt(chain, position))).toEqual([1, 1, 2, 2, 3, 3]);
});

test('what was there before recording holds from the beginning, whenever it was first seen', () => {
  expect(numberAt({ key: 'redis:0/k', revisions: [revision(1, 50, 'initial')] }, 3)).toBe(1);
});

test('before its first write an element is unknown, not absent', () => {
  expect(numberAt({ key: 'redis:0/k', revisions: [revision(1, 50, 'write')] }, 49)).toBeUndefined();
  expect(numberAt(undefined, 49)).toBeUndefined();
});

test('completeness is told by database or by server', () => {
  const complete = (scope: string): CompletenessRecord[] => [{ kind: 'complete', scope, position: 1 }];
  expect(isComplete(complete('redis:0'), 'redis:0/a')).toBe(true);
  expect(isComplete(complete('redis:0'), 'redis:1/a')).toBe(false);
  expect(isComplete(complete('redis'), 'redis:7/a')).toBe(true);
  expect(isComplete(complete('redis'), 'redis:sessions.0/a')).toBe(false);
  expect(isComplete(complete('redis:sessions'), 'redis:sessions.3/a')).toBe(true);
  expect(isComplete([], 'redis:0/a')).toBe(false);
});
