/** The directory that every client holds: how long a look-up takes, and how many bytes it is, whatever the number of elements. */
import { encodeShardMap, encodeShardMapDiff } from '../dist/model/artefact-codec.js';
import { Directory, tagHash } from '../dist/model/directory.js';
import { diffMaps } from '../dist/model/map-diff.js';
import { placeElements } from '../dist/shard/placement.js';
import { interleaved } from './support/measure.mjs';
import { costOf, heatmapOf, membersOf, multiGets } from './support/multi-gets.mjs';

export const claim = 'the directory finds an owner in a few nanoseconds and takes the same few bytes for any number of elements; a Map of all elements beside it';
export const servers = [];

const elements = 1_000_000;
const atHand = 16_384;
/** Many short rounds, and the best of them: a long one is never alone on a machine. */
const lookups = 200_000;
const rounds = 40;

export async function measure() {
  const [trace] = multiGets(['orm-busy'], { most: 800_000 });
  const [first, second] = [trace.requests.slice(0, 40_000), trace.requests.slice(40_000)];
  const before = placeElements(heatmapOf(trace.keys, first), membersOf(8), undefined, { replicas: 2 }).map;
  const after = placeElements(heatmapOf(trace.keys, second), membersOf(8), before, { replicas: 2 }).map;
  const wide = placeElements(heatmapOf(trace.keys, first), membersOf(64), undefined, { replicas: 2 }).map;
  if (costOf(after, { hashes: trace.hashes, requests: second }).fanOut < 1) throw new Error('the map that is measured does not serve');
  return [...await lookUps(after), ...sizes(before, after, wide)];
}

async function lookUps(map) {
  const directory = new Directory(map);
  const keys = Array.from({ length: elements }, (_, index) => `redis:0/session:${(index * 2_654_435_761) % 4_294_967_296}:cart`);
  const hashes = Uint32Array.from(keys, tagHash);
  const all = new Map(keys.map((key, index) => [key, index & 7]));
  const order = Uint32Array.from({ length: elements }, (_, index) => Math.imul(index, 0x9e3779b1) >>> 0).map((value) => value % elements);
  // keys as a client has them: texts of its own, not the very objects that are in the Map, and those of the requests at hand rather than all there are
  const asked = Array.from({ length: atHand }, (_, index) => Buffer.from(keys[order[index]]).toString('latin1'));
  const loads = new Float64Array(map.members.length);
  let sink = 0;
  let from = 0;
  const nanoseconds = (work) => async () => {
    from = (from + lookups) % (elements - lookups);
    const startedAt = performance.now();
    sink += work();
    return ((performance.now() - startedAt) * 1e6) / lookups;
  };
  const samples = await interleaved({
    count: rounds, warmUp: 3, variants: {
      set: nanoseconds(() => {
        let total = 0;
        for (let at = 0; at < lookups; at++) total += directory.setOf(hashes[order[from + at]]);
        return total;
      }),
      replica: nanoseconds(() => {
        let total = 0;
        for (let at = 0; at < lookups; at++) {
          const member = directory.leastLoaded(hashes[order[from + at]], loads);
          loads[member]++;
          total += member;
        }
        return total;
      }),
      key: nanoseconds(() => {
        let total = 0;
        for (let at = 0; at < lookups; at++) total += directory.setOf(tagHash(asked[at % atHand]));
        return total;
      }),
      mapAtHand: nanoseconds(() => {
        let total = 0;
        for (let at = 0; at < lookups; at++) total += all.get(asked[at % atHand]);
        return total;
      }),
      map: nanoseconds(() => {
        let total = 0;
        for (let at = 0; at < lookups; at++) total += all.get(keys[order[from + at]]);
        return total;
      }),
    },
  });
  if (!Number.isFinite(sink)) throw new Error('nothing was looked up');
  const [set, replica, key, plainAtHand, plain] = ['set', 'replica', 'key', 'mapAtHand', 'map'].map((name) => Math.min(...samples[name])); // the best round: the others are of whatever else runs
  return [
    { name: 'replica set by stored hash', value: set, unit: 'ns', goal: '<= 20', anchor: `Map of ${elements} keys ${plain.toFixed(0)} ns in the same run` },
    { name: 'least loaded replica by stored hash, counted', value: replica, unit: 'ns', goal: '<= 20', anchor: `${map.overrides.size} overrides` },
    { name: 'replica set by key', value: key, unit: 'ns', goal: '<= 100', anchor: `${keys[1].length} chars, hashed each time; the Map ${plainAtHand.toFixed(0)} ns for the same ${atHand} keys` },
    { name: 'Map ÷ directory, by stored hash', value: plain / set, unit: '×', goal: null, anchor: 'random look-ups' },
    { name: 'Map ÷ directory, by key', value: plainAtHand / key, unit: '×', goal: null, anchor: `${atHand} keys in turn` },
  ];
}

function sizes(before, after, wide) {
  const overrides = (map) => `${map.members.length} members, ${map.overrides.size} overrides, ${map.sets.length} sets`;
  const over = (map) => (new Directory(map).bytes - 8 * map.overrides.size) / 1024;
  return [
    // the tables are those of the slots: elements do not come into them, so one figure stands for 1e6 and 1e7
    { name: 'bytes at any number of elements, less 8 an override', value: over(after), unit: 'KiB', goal: '<= 256', anchor: overrides(after) },
    { name: 'the same', value: over(wide), unit: 'KiB', goal: '<= 256', anchor: overrides(wide) },
    { name: 'a map on the wire', value: encodeShardMap(after).length / 1024, unit: 'KiB', goal: null, anchor: overrides(after) },
    { name: 'a difference on the wire', value: encodeShardMapDiff(diffMaps(before, after)).length / 1024, unit: 'KiB', goal: null, anchor: 'the plan of the next 40,000 requests' },
  ];
}
