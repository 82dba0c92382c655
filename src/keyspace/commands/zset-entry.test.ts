import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloneEntry, compareScored, sortedMembers } from '../entry.ts';
import { newZset } from './collections.ts';
import { rankOf, setScores } from './zset-entry.ts';

const change = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'), fc.constantFrom(-Infinity, -1, 0, 1, 1.5, Infinity));

describe('the order of a sorted set', () => {
  it('once made, is kept up by every change, and copies keep their own', () => {
    fc.assert(fc.property(fc.array(fc.array(change, { maxLength: 12 }), { minLength: 1, maxLength: 10 }), (steps) => {
      const entry = newZset();
      for (const changes of steps) {
        const copy = cloneEntry(entry, null);
        const copied = [...sortedMembers(copy)];
        sortedMembers(entry);
        setScores(entry, changes);
        const sorted = sortedMembers(entry);
        expect(sorted).toEqual([...entry.scores].sort(compareScored));
        expect(sortedMembers(copy)).toEqual(copied);
        for (const [index, item] of sorted.entries()) expect(rankOf(sorted, item)).toBe(index);
      }
    }));
  });
});
