/** Taking traffic in: accesses a second on one core, memory, and what scoring a million elements costs. */
import { sfc32 } from '../dist/lib/prng.js';
import { ElementModel } from '../dist/predict/elements/element-model.js';
import { TrafficIntake } from '../dist/predict/intake.js';

export const claim = 'accesses taken in a second of one core; memory of ten million of a million elements; scoring them';
export const servers = [];

const [events, elements, batch] = [10_000_000, 1_000_000, 100_000];

export async function measure() {
  const prng = sfc32('0000000100000002000000030000000d');
  const intake = new TrafficIntake({ windowMs: 60_000, prng: sfc32('0000000100000002000000030000000e') });
  const before = process.memoryUsage().rss;
  let [micros, peak, mapMicros] = [0, 0, 0];
  const plain = new Map();
  for (let done = 0; done < events; done += batch) {
    const items = Array.from({ length: batch }, (_, i) => ({
      kind: 'access', key: `redis:0/cart:${Math.floor(elements * prng.next() ** 2)}`, access: i % 5 === 0 ? 'write' : 'read', at: (done + i) / 5, request: `r${Math.floor((done + i) / 5)}`, route: 'GET /carts/:id',
    }));
    micros += spent(() => {
      for (const item of items) intake.add(item);
    });
    peak = Math.max(peak, process.memoryUsage().rss);
    if (done < events / 5) mapMicros += spent(() => {
      for (const { key } of items) plain.set(key, (plain.get(key) ?? 0) + 1);
    });
    process.stderr.write(`\r${Math.round((100 * done) / events)} %  `);
  }
  process.stderr.write('\r\u001B[2K');
  const model = ElementModel.fit(intake.reads, { prng });
  const numbers = Int32Array.from({ length: intake.elements.size }, (_, number) => number);
  const known = numbers.filter((number) => intake.reads.table.has(number));
  const scoring = spent(() => model.curves(known, intake.window)) / Math.max(1, model.models.length);
  return [
    { name: 'accesses taken in', value: events / micros, unit: 'million/s', goal: '>= 0.7', anchor: 'CPU time: five of a request each, with histories, groups and co-access' },
    { name: 'the same ÷ counting them in a Map', value: micros / events / (mapMicros / (events / 5)), unit: '×', goal: null, anchor: 'Map of strings, same run' },
    { name: 'memory with 10 million accesses of a million elements', value: (peak - before) / 2 ** 30, unit: 'GiB', goal: '<= 1', anchor: `${intake.elements.size} elements` },
    { name: 'scoring a million elements', value: (scoring * 1e6) / known.length / 1e6, unit: 's', goal: '<= 0.5', anchor: 'CPU time, one horizon, logistic model' },
  ];
}

/** CPU time of some work in microseconds. */
function spent(work) {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
