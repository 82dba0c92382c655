import { expect, test } from 'vitest';
import { ownersOf, ownersOfHash, slotOf, tagHash } from '../model/directory.ts';
import { heatmapFormatVersion, type Heatmap } from '../model/heatmap.ts';
import type { Member, ShardMap } from '../model/shard-map.ts';
import { replanHotElements } from './flash-plan.ts';
import { heatForecast, hotElements, mapForecast, overridesOf } from './hot-elements.ts';
import { placeElements } from './placement.ts';

const members: Member[] = Array.from({ length: 8 }, (_, index) => ({ id: `m${index}`, address: 'embedded', zone: `z${index}`, capacity: 1 }));
const elements = Array.from({ length: 2000 }, (_, index) => ({ key: `redis:0/e:${index}`, pRead: [1], pWrite: [0], expected: [1], low: [1], high: [1] }));
const heatmap: Heatmap = { kind: 'heatmap', formatVersion: heatmapFormatVersion, source: 'test', startMs: 0, bucketMs: 1, buckets: 1, elements, groups: [] };
const { map } = placeElements(heatmap, members, undefined, { replicas: 2 });
const slots = (of: ShardMap) => (slot: number): readonly number[] => of.sets[of.slots[slot] ?? 0] ?? [];
const forecast = mapForecast(map, heatmap, 2);
const flash = tagHash('redis:0/e:7');

test('a flash element gets replicas beside its slot\'s owners, and loses them when it is over; slots stay', () => {
  const risen = replanHotElements(map, forecast, new Map([[flash, 0.1]]));
  expect(ownersOfHash(risen.map, flash).length).toBe(8);
  expect(ownersOfHash(risen.map, flash).slice(0, 2)).toEqual(ownersOf(map, 'redis:0/e:7'));
  expect(risen.map.epoch).toBe(map.epoch + 1);
  expect(risen.map.slots).toEqual(map.slots);
  expect(risen.map.ages.every((age, slot) => age === (map.ages[slot] as number) + 1)).toBe(true);
  expect(risen.moves).toEqual([{ slot: null, tag: flash, add: ownersOfHash(risen.map, flash).slice(2).map((member) => `m${member}`), remove: [] }]);
  const over = replanHotElements(risen.map, forecast, new Map());
  expect(over.map.overrides.size).toBe(0);
  expect(over.map.sets.length).toBe(Math.max(...map.slots) + 1);
  expect(over.moves[0]?.remove.length).toBe(6);
});

test('nothing changes, not even the epoch, where the heat stays', () => {
  const observed = new Map([[flash, 0.02]]);
  const risen = replanHotElements(map, forecast, observed).map;
  const again = replanHotElements(risen, forecast, observed);
  expect(again.moves).toEqual([]);
  expect(again.map).toBe(risen);
});

test('what every member holds for another reason than heat stays everywhere', () => {
  const [wide, everyone] = [tagHash('redis:0/e:9'), Array.from(members.keys())];
  const planned: ShardMap = { ...map, sets: [...map.sets, everyone], overrides: new Map([[wide, map.sets.length]]) };
  const after = replanHotElements(planned, mapForecast(planned, heatmap, 2), new Map([[flash, 0.1]])).map;
  expect(ownersOfHash(after, wide).toSorted((a, b) => a - b)).toEqual(everyone);
  expect(ownersOfHash(after, flash).length).toBe(8);
});

test('what has a copy for the requests that read it keeps that, and gets more when it is hot', () => {
  const tag = tagHash('redis:0/e:9');
  const own = ownersOf(map, 'redis:0/e:9');
  const further = [0, 1, 2, 3].find((member) => !own.includes(member)) as number;
  const planned: ShardMap = { ...map, sets: [...map.sets, [...own, further]], overrides: new Map([[tag, map.sets.length]]) };
  const forecastOf = mapForecast(planned, heatmap, 2);
  expect(ownersOfHash(replanHotElements(planned, forecastOf, new Map([[flash, 0.1]])).map, tag)).toEqual([...own, further]);
  const hot = replanHotElements(planned, forecastOf, new Map([[tag, 0.1]]));
  expect(ownersOfHash(hot.map, tag).slice(0, 3)).toEqual([...own, further]);
  expect(hot.moves.map(({ add }) => add.length)).toEqual([5]);
  expect(ownersOfHash(replanHotElements(hot.map, forecastOf, new Map()).map, tag)).toEqual([...own, further]);
});

test('the load of members by the forecast adds up, with what is known and not listed', () => {
  const { loads, shares } = heatForecast({ ...heatmap, rest: { elements: 10, expected: [1000] } }, { ownersOf: slots(map), members: 8, replicas: 2 });
  expect(loads.reduce((sum, load) => sum + load, 0)).toBeCloseTo(1, 9);
  expect(shares.size).toBe(0);
});

test('replicas stay with the members that have them when others leave, where their ids are told', () => {
  const hot: Heatmap = { ...heatmap, elements: elements.map((element, index) => (index === 7 ? { ...element, expected: [60] } : element)) };
  const before = placeElements(hot, members, undefined, { replicas: 2 }).map;
  const had = ownersOf(before, 'redis:0/e:7').map((member) => `m${member}`);
  expect(had.length).toBeGreaterThan(2);
  const stay = had.slice(2);
  const left = members.filter(({ id }) => id !== 'm0' || stay.includes(id)).toReversed();
  const ids = left.map(({ id }) => id);
  const owners = (slot: number): number[] => slots(before)(slot).map((member) => ids.indexOf(`m${member}`)).filter((member) => member >= 0);
  const now = hotElements({ heatmap: hot, ownersOf: owners, members: left.length, replicas: 2, previous: before, ids }).get(flash) ?? [];
  expect(stay.every((id) => now.includes(ids.indexOf(id)))).toBe(true);
  expect(overridesOf(before, []).get(flash)).toEqual([]);
  expect(slotOf('redis:0/e:7')).toBe(flash >>> 16);
});

test('replica sets that stay keep their numbers, and numbers that are free are used again', () => {
  const tags = [7, 8, 9].map((element) => tagHash(`redis:0/e:${element}`));
  const hot = (...heats: readonly number[]): Map<number, number> => new Map(heats.map((heat, index) => [tags[index] as number, heat]));
  const three = replanHotElements(map, forecast, hot(0.1, 0.02, 0.03)).map;
  const two = replanHotElements(three, forecast, hot(0.1, 0, 0.03)).map;
  expect([two.overrides.get(tags[0] as number), two.overrides.get(tags[2] as number)]).toEqual([three.overrides.get(tags[0] as number), three.overrides.get(tags[2] as number)]);
  const again = replanHotElements(two, forecast, hot(0.1, 0.025, 0.03)).map;
  expect(again.sets.length).toBeLessThanOrEqual(three.sets.length);
  expect(new Set(again.overrides.values()).size).toBe(3);
});
