import { expect, test } from 'vitest';
import { tagHash } from '../model/directory.ts';
import { TagHashes } from './tag-hashes.ts';

test('gives the hash of the tag, whoever had the place before', () => {
  const hashes = new TagHashes(4);
  const keys = Array.from({ length: 50 }, (_, index) => `redis:0/cart:${index}:items`);
  for (const key of [...keys, ...keys, ...keys.reverse()]) expect(hashes.of(key)).toBe(tagHash(key));
});
