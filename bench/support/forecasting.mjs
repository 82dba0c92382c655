/** Rolling-origin comparison of every forecaster on request rates and resource metrics, for the two benchmarks of series. */
import { mstlForecaster } from '../../dist/forecasters/mstl.js';
import { ProphetForecaster } from '../../dist/forecasters/prophet.js';
import { sfc32 } from '../../dist/lib/prng.js';
import { lstmKernel } from '../../dist/predict/lstm/wasm-kernel.js';
import { backtestOrigins, chooseForecaster } from '../../dist/predict/series/backtest.js';
import { holtWinters } from '../../dist/predict/series/holt-winters.js';
import { fitLstm } from '../../dist/predict/series/lstm-forecaster.js';
import { fitRidge } from '../../dist/predict/series/ridge.js';
import { ensembleOf, ewma, naive, seasonalNaive } from '../../dist/predict/series/simple.js';
import { windowShape } from '../../dist/predict/series/window.js';
import { dataName, rateSeries } from './traces.mjs';

const seed = '0000000100000002000000030000000a';

/**
 * @param {{ bucketMs: number, horizon: number, origins: (days: number) => number, stride: number, seeds: number, steps: number,
 *   goals: { lstm: string | null, chosen: string, prophet: string | null } }} given
 */
export async function compareForecasters({ bucketMs, horizon, origins, stride, seeds, steps, goals }) {
  const all = rateSeries(bucketMs).map((series) => {
    const { length } = series.values;
    const count = origins((length * bucketMs) / 86_400_000);
    const tests = Array.from({ length: count }, (_, index) => length - horizon - (count - 1 - index) * stride);
    // models are chosen and trained on what lies before the first origin they are tested at
    return { series, tests, looks: backtestOrigins(series, tests[0], horizon) };
  });
  const shape = windowShape(bucketMs, horizon);
  const training = all.map(({ series, tests, looks }) => ({ series, trainEnd: looks[0] ?? tests[0] }));
  const ridge = fitRidge(training, shape, sfc32(seed));
  const startedAt = process.cpuUsage();
  const lstm = fitLstm(training, shape, sfc32(seed), { kernel: lstmKernel, seeds, steps, onProgress: (share) => process.stderr.write(`\rtraining ${Math.round(100 * share)} %  `) });
  const { user, system } = process.cpuUsage(startedAt);
  const prophet = new ProphetForecaster();
  const engines = [await mstlForecaster(), prophet];
  const ensemble = ensembleOf('median ensemble', [holtWinters, ...engines, ridge]);
  const single = [seasonalNaive, naive, ewma, holtWinters, ridge, ...engines, ensemble, lstm];
  const errors = new Map();
  const chosen = { rate: [], resource: [] };
  const coverage = { rate: [], resource: [] };
  for (const [index, { series, tests, looks }] of all.entries()) {
    process.stderr.write(`\rseries ${index + 1} of ${all.length}   `);
    const own = new Map();
    for (const forecaster of single) own.set(forecaster.name, await errorOf(forecaster, series, tests, horizon));
    const yardstick = own.get('seasonal naive');
    if (!(yardstick > 0)) continue;
    for (const [name, error] of own) if (error !== undefined) push(errors, `${series.kind} ${name}`, error / yardstick);
    const choice = await chooseForecaster(series, looks, horizon, { preferred: lstm, fallback: ensemble, rivals: [naive, ewma, holtWinters, ridge, ...engines] });
    const { error, within } = await calibrated(choice, series, tests, horizon);
    chosen[series.kind].push(error / yardstick);
    coverage[series.kind].push(within);
  }
  process.stderr.write('\r\u001B[2K');
  await prophet.close();
  const figures = [];
  const add = (name, value, goal, anchor) => figures.push({ name, value, unit: '', goal, anchor });
  for (const kind of ['rate', 'resource']) {
    if (chosen[kind].length === 0) continue;
    const label = kind === 'rate' ? 'request rates' : 'resources';
    const against = `MAE of "as a day ago" at the same origins; geometric mean of ${chosen[kind].length} series; ${dataName}`;
    add(`${label}: chosen for each series`, geometric(chosen[kind]), kind === 'rate' ? goals.chosen : null, against);
    for (const { name } of single.slice(1)) {
      const values = errors.get(`${kind} ${name}`) ?? [];
      const goal = kind !== 'rate' ? null : name === 'LSTM' ? goals.lstm : name === 'Prophet' ? goals.prophet : null;
      if (values.length > 0) add(`${label}: ${name}`, geometric(values), goal, values.length === chosen[kind].length ? against : `${values.length} series`);
    }
    add(`${label}: values within the 80 % interval`, mean(coverage[kind]), kind === 'rate' ? '>= 0.75' : null, 'what was observed');
    if (kind === 'rate') add(`${label}: values within the 80 % interval, at most`, mean(coverage[kind]), '<= 0.85', 'what was observed');
    const usual = errors.get(`${kind} LSTM`) ?? [];
    if (kind === 'rate' && usual.length === chosen[kind].length) add(`${label}: chosen ÷ always the LSTM`, geometric(chosen[kind]) / geometric(usual), '<= 1.03', 'the default for every series');
  }
  add('training the LSTM on all series', (user + system) / 1e6, '<= 40', `CPU seconds, ${seeds} seeds`);
  return figures;
}

async function errorOf(forecaster, series, tests, horizon) {
  let [sum, count] = [0, 0];
  for (const origin of tests) {
    const forecast = await forecaster.forecast(series, origin, horizon);
    if (forecast === undefined) return undefined;
    for (let step = 0; step < horizon; step++, count++) sum += Math.abs(forecast.median[step] - series.values[origin + step]);
  }
  return sum / count;
}

async function calibrated(choice, series, tests, horizon) {
  let [sum, within, count] = [0, 0, 0];
  for (const origin of tests) {
    const forecast = choice.calibrate(await choice.forecaster.forecast(series, origin, horizon) ?? await naive.forecast(series, origin, horizon), series, origin);
    for (let step = 0; step < horizon; step++, count++) {
      const value = series.values[origin + step];
      sum += Math.abs(forecast.median[step] - value);
      if (value >= forecast.low[step] - 1e-9 && value <= forecast.high[step] + 1e-9) within++;
    }
  }
  return { error: sum / count, within: within / count };
}

function push(map, name, value) {
  map.set(name, [...map.get(name) ?? [], value]);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const geometric = (values) => Math.exp(mean(values.map((value) => Math.log(Math.max(1e-3, value)))));
