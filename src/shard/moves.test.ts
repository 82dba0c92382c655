import { expect, test } from 'vitest';
import { shardMapFormatVersion, slotCount, type ShardMap } from '../model/shard-map.ts';
import { movesBetween } from './moves.ts';

const tag = 0x00070001;

function mapOf(slot7: readonly number[], ofTag?: readonly number[]): ShardMap {
  const members = Array.from({ length: 5 }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: 'z', capacity: 1 }));
  const slots = new Uint16Array(slotCount);
  slots[7] = 1;
  return {
    kind: 'shard-map', formatVersion: shardMapFormatVersion, incarnation: 0, epoch: 1, members, sets: [[0, 1], slot7, ...ofTag === undefined ? [] : [ofTag]], slots, ages: new Uint8Array(slotCount),
    overrides: new Map(ofTag === undefined ? [] : [[tag, 2]]), changes: new Map(),
  };
}

test('a new override adds what its slot\'s owners are not, and one that goes removes that', () => {
  expect(movesBetween(mapOf([1, 2]), mapOf([1, 2], [1, 2, 3, 4]))).toEqual([{ slot: null, tag, add: ['m3', 'm4'], remove: [] }]);
  expect(movesBetween(mapOf([1, 2], [1, 2, 3]), mapOf([1, 2]))).toEqual([{ slot: null, tag, add: [], remove: ['m3'] }]);
});

test('what a slot gains or loses is not said again of its hot element', () => {
  expect(movesBetween(mapOf([1, 2]), mapOf([1, 3], [1, 3, 4]))).toEqual([{ slot: 7, tag: null, add: ['m3'], remove: ['m2'] }, { slot: null, tag, add: ['m4'], remove: [] }]);
  expect(movesBetween(mapOf([1, 2], [1, 2, 4]), mapOf([1, 3]))).toEqual([{ slot: 7, tag: null, add: ['m3'], remove: ['m2'] }, { slot: null, tag, add: [], remove: ['m4'] }]);
});

test('an element that keeps its copies has no move of its own', () => {
  expect(movesBetween(mapOf([1, 2], [1, 2, 3]), mapOf([1, 3], [1, 3, 2]))).toEqual([{ slot: 7, tag: null, add: ['m3'], remove: ['m2'] }]);
  expect(movesBetween(mapOf([1, 2], [1, 2, 3]), mapOf([2, 1], [2, 1, 3]))).toEqual([]);
});
