/** What a sender, or the traffic as a whole, will access next: the co-access model against popularity and recency. */
import { CoAccessModel } from '../dist/predict/elements/co-access.js';
import { KeyTable } from '../dist/predict/elements/key-table.js';
import { accessTraces, dataName } from './support/traces.mjs';

export const claim = 'share of the next accesses that were among the predicted elements';
export const servers = [];

const tasks = {
  'orm-busy': { ahead: 20, predicted: 100, context: 8, goal: '>= 0.65', every: 199 },
  nasa: { ahead: 1, predicted: 5, context: 5, goal: '>= 0.65', every: 1 },
  semicomplete: { ahead: 1, predicted: 5, context: 5, goal: null, every: 1 },
  generated: { ahead: 20, predicted: 100, context: 8, goal: null, every: 97 },
};
const kept = 60;

export async function measure() {
  return accessTraces().filter(({ name }) => tasks[name] !== undefined).flatMap((trace) => {
    process.stderr.write(`\r\u001B[2K${trace.name}`);
    const { ahead, predicted, goal } = tasks[trace.name];
    const shares = evaluate(trace, tasks[trace.name]);
    process.stderr.write('\r\u001B[2K');
    const what = `${trace.name}: next ${ahead === 1 ? 'of the same sender' : `${ahead}`} inside ${predicted}`;
    return Object.entries(shares).map(([method, value]) => ({ name: `${what}, ${method}`, value, unit: '', goal: method === 'co-access' ? goal : null, anchor: `last 40 % of the trace, ${dataName}` }));
  });
}

/** Predicts before it learns, access by access. */
function evaluate({ keys, actors }, { ahead, predicted, context, every }) {
  const names = new KeyTable();
  const numbers = Int32Array.from(keys, (key) => names.number(key));
  const model = new CoAccessModel({ context });
  const popularity = new Float64Array(names.size);
  const trails = new Map();
  const hits = { 'co-access': 0, popularity: 0, LRU: 0 };
  let asked = 0;
  const from = Math.floor(keys.length * 0.6);
  numbers.forEach((number, index) => {
    const actor = actors === null ? '' : actors[index];
    const trail = trails.get(actor) ?? trails.set(actor, []).get(actor);
    if (index >= from && index % every === 0 && index + ahead <= numbers.length && trail.length > 0) {
      const next = numbers.subarray(index, index + ahead);
      const guesses = {
        'co-access': model.predict({ trail, count: predicted, repeats: actors === null }),
        popularity: top(popularity, predicted),
        LRU: [...new Set([...trail].reverse())].slice(0, predicted),
      };
      asked += ahead;
      for (const [method, guess] of Object.entries(guesses)) {
        const set = new Set(guess);
        for (const one of next) if (set.has(one)) hits[method]++;
      }
    }
    model.observe(trail, number);
    popularity[number]++;
    trail.push(number);
    if (trail.length > Math.max(kept, 2 * predicted)) trail.splice(0, predicted);
  });
  return Object.fromEntries(Object.entries(hits).map(([method, count]) => [method, count / asked]));
}

let cached = { at: -1, numbers: [] };

/** The most accessed so far; looked at anew now and then, for popularity changes slowly. */
function top(popularity, count) {
  if (cached.popularity !== popularity || ++cached.age > 200) cached = { popularity, age: 0, numbers: Array.from(popularity.keys()).sort((a, b) => popularity[b] - popularity[a]).slice(0, count) };
  return cached.numbers;
}
