/** P(access) and the ranking of elements on real access traces, window by window, against what everybody would try first. */
import { sfc32 } from '../dist/lib/prng.js';
import { featureCount } from '../dist/predict/elements/access-table.js';
import { ElementHistory, rowsOf } from '../dist/predict/elements/element-history.js';
import { ElementModel } from '../dist/predict/elements/element-model.js';
import { HitTable } from '../dist/predict/elements/hit-table.js';
import { KeyTable } from '../dist/predict/elements/key-table.js';
import { scoreProbabilities } from '../dist/predict/elements/probability-score.js';
import { lstmKernel } from '../dist/predict/lstm/wasm-kernel.js';
import { accessTraces, dataName } from './support/traces.mjs';

export const claim = 'P(access) of the next window: Brier skill over the base rate; and the share of accesses that the predicted hottest elements get';
export const servers = [];

const evaluated = { 'orm-busy': 12, 'web12': 20, 'nasa': 20, 'semicomplete': 24, 'wiki-edits': 30, 'corda-vault': 10, generated: 12 };
const shares = [0.01, 0.05];

export async function measure() {
  const figures = [];
  let better = 0;
  const traces = accessTraces();
  for (const trace of traces) {
    process.stderr.write(`\r\u001B[2K${trace.name}`);
    const { results, methods } = evaluate(trace);
    const anchor = `${results.length} windows of the last 60 %, ${dataName}`;
    const add = (name, values, goal = null, more = '') => figures.push({ name: `${trace.name}: ${name}`, value: mean(values), unit: values.length > 1 ? `± ${errorOf(values).toPrecision(2)}` : '', goal, anchor: more || anchor });
    const isControl = trace.name === 'corda-vault';
    add('Brier skill', results.map((one) => one.skill), isControl ? '>= -0.001' : '>= 0', methods);
    if (isControl) continue;
    const gains = results.map((one) => one.skill - one.table);
    if (mean(gains) >= 0.01) better++;
    add('gain over the (recency × rate) table', gains);
    add('Brier skill of 1 − exp(−rate)', results.map((one) => one.poisson));
    add('calibration error', results.map((one) => one.ece));
    for (const share of shares) {
      const goal = trace.name === 'orm-busy' ? (share === 0.01 ? '>= 0.62' : '>= 0.66') : null;
      for (const ranking of ['P × rate', 'rate', 'LFU', 'LRU']) add(`hottest ${share * 100} % by ${ranking} ÷ clairvoyant`, results.map((one) => one.ranked[share][ranking]), ranking === 'P × rate' ? goal : null);
    }
  }
  process.stderr.write('\r\u001B[2K');
  if (traces.length > 1) figures.push({ name: 'traces where the model gains ≥ 0.01 over the table', value: better, unit: 'of 5', goal: '>= 4', anchor: dataName });
  return figures;
}

function evaluate({ name, keys, time }) {
  const names = new KeyTable();
  const history = new ElementHistory(sfc32('0000000100000002000000030000000b'));
  const last = Math.floor(time(keys.length - 1));
  const first = Math.floor(last * 0.4);
  const count = evaluated[name];
  const at = new Set(Array.from({ length: count }, (_, index) => first + Math.floor(((index + 1) * (last - first)) / (count + 1))));
  const results = [];
  const methods = new Map();
  let window = 0;
  let pending;
  keys.forEach((key, index) => {
    const now = time(index);
    for (; window < Math.floor(now);) {
      history.close(window++);
      if (pending !== undefined) results.push(score(pending));
      pending = at.has(window) ? predict(history, names, window) : undefined;
      if (pending !== undefined) methods.set(pending.method, (methods.get(pending.method) ?? 0) + 1);
    }
    const number = names.number(key);
    pending?.counts.set(number, (pending.counts.get(number) ?? 0) + 1);
    history.add(number, now);
  });
  return { results, methods: [...methods].map(([method, windows]) => `${method} ${windows}×`).join(', ') };
}

function predict(history, names, now) {
  const { table } = history;
  const numbers = Int32Array.from({ length: names.size }, (_, number) => number).filter((number) => table.has(number));
  const model = ElementModel.fit(history, { prng: sfc32('0000000100000002000000030000000c'), kernel: lstmKernel });
  const curves = model.curves(numbers, now);
  const hits = HitTable.fit(rowsOf(history.labelled(1).slice(-8), 1), featureCount);
  const features = new Float32Array(featureCount);
  const rate = Float32Array.from(numbers, (number) => table.rate(number, now));
  return {
    numbers, counts: new Map(), method: model.models[0]?.method ?? 'rates', p: Float32Array.from(numbers, (_, row) => curves.at(row, 1)), rate, poisson: rate.map((value) => 1 - Math.exp(-value)),
    table: Float32Array.from(numbers, (number) => {
      table.features(number, now, features, 0);
      return hits.probability(features[0], features[1]);
    }),
    total: Float32Array.from(numbers, (number) => table.total(number)), last: Float32Array.from(numbers, (number) => table.last(number)),
  };
}

function score({ numbers, counts, p, table, poisson, rate, total, last }) {
  const rows = { hits: Uint8Array.from(numbers, (number) => (counts.has(number) ? 1 : 0)), weights: new Float32Array(numbers.length).fill(1), count: numbers.length };
  const own = scoreProbabilities(p, rows);
  const accesses = Float64Array.from(numbers, (number) => counts.get(number) ?? 0);
  const order = (heat) => Array.from(numbers.keys()).sort((a, b) => heat[b] - heat[a]);
  const orders = { 'P × rate': order(p.map((value, row) => value * rate[row])), rate: order(rate), LFU: order(total), LRU: order(last) };
  const best = order(accesses);
  const ranked = Object.fromEntries(shares.map((share) => {
    const top = Math.max(1, Math.round(share * numbers.length));
    const got = (rowsInOrder) => rowsInOrder.slice(0, top).reduce((sum, row) => sum + accesses[row], 0);
    return [share, Object.fromEntries(Object.entries(orders).map(([name, rowsInOrder]) => [name, got(rowsInOrder) / Math.max(1, got(best))]))];
  }));
  return { skill: own.brierSkill, ece: own.ece, table: scoreProbabilities(table, rows).brierSkill, poisson: scoreProbabilities(poisson, rows).brierSkill, ranked };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

function errorOf(values) {
  const center = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - center) ** 2, 0) / (values.length * (values.length - 1)));
}
