/*
 * One LSTM for all series (a global model; Salinas et al. 2020, Montero-Manso & Hyndman 2021): it reads the last values with those of a day and a week
 * before and the clock, and tells the 10 %, 50 % and 90 % quantiles of every bucket ahead at once (pinball loss; Koenker & Bassett 1978). The same
 * time on days and weeks before goes straight to the output, so that it starts from a seasonal forecast and learns what is different today.
 * The mean over several seeds is steadier than any one of them. Limits: series shorter than two days have nothing for it to read.
 */
import type { Prng } from '../../lib/prng.ts';
import { LstmNetwork } from '../lstm/network.ts';
import type { LstmKernel } from '../lstm/kernel.ts';
import type { TrainingSeries } from './ridge.ts';
import type { Forecast, Forecaster } from './series.ts';
import { Window, WindowSampler, WindowSource, type WindowShape } from './window.ts';

/** How the network is trained. */
export interface LstmSettings {
  /** A kernel with a memory of its own, for each network. */
  readonly kernel: () => LstmKernel;
  readonly seeds?: number;
  /** Steps of training at most; fewer when held-back windows stop getting better. */
  readonly steps?: number;
  readonly hidden?: number;
  /** Told after every hundredth step of a network, from 0 to 1 over all of them. */
  readonly onProgress?: (share: number) => void;
}

const quantiles = [0.1, 0.5, 0.9];
const inputs = 8;
const batch = 64;
const largestTarget = 8;
const training = { rate: 4e-3, weightDecay: 1e-4 * 25, clip: 1 };
/** Windows held back to see when training is to stop, and how often that is looked at. */
const heldBack = 512;
const checkEvery = 100;
const patience = 5;

/** Trains networks on the windows of all series. undefined: there are too few. */
export function fitLstm(series: readonly TrainingSeries[], shape: WindowShape, prng: Prng, settings: LstmSettings): Forecaster | undefined {
  const sampler = new WindowSampler(series.map(({ series: one, trainEnd }) => ({ source: new WindowSource(one), trainEnd })), shape);
  if (sampler.size < 4 * batch) return undefined;
  const seeds = settings.seeds ?? 1;
  const networks = Array.from({ length: seeds }, (_, seed) => trained(sampler, shape, prng, { ...settings, onProgress: (share) => settings.onProgress?.((seed + share) / seeds) }));
  return {
    name: 'LSTM',
    forecast: (one, end, horizon) => {
      if (horizon > shape.horizon || one.bucketMs !== shape.bucketMs || !Window.fits(end, shape)) return undefined;
      return forecastOf(networks, new Window(new WindowSource(one), end, shape), horizon);
    },
  };
}

function trained(sampler: WindowSampler, shape: WindowShape, prng: Prng, settings: LstmSettings): LstmNetwork {
  const network = new LstmNetwork(settings.kernel(), {
    inputs, hidden: settings.hidden ?? 32, steps: shape.steps, skips: skipCount(shape), outputs: quantiles.length * shape.horizon, batch,
  }, prng);
  const steps = settings.steps ?? 1500;
  const targets = new Float32Array(batch * shape.horizon);
  const fill = (windows: readonly Window[]): void => {
    const x = network.inputs(windows.length);
    windows.forEach((window, row) => fillRow(network, x, window, { row, rows: windows.length, targets }));
  };
  const draw = (): Window[] => Array.from({ length: batch }, () => {
    const { source, end } = sampler.draw(prng.next(), prng.next());
    return new Window(source, end, shape);
  });
  const held = Array.from({ length: heldBack / batch }, draw);
  let best = { loss: Infinity, weights: network.weights.slice(), at: 0 };
  for (let step = 0; step < steps; step++) {
    fill(draw());
    const rate = training.rate * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps));
    network.train(batch, pinball(targets, shape.horizon), { rate, weightDecay: training.weightDecay, clip: training.clip });
    if ((step + 1) % checkEvery !== 0) continue;
    let loss = 0;
    for (const windows of held) {
      fill(windows);
      loss += pinball(targets, shape.horizon)(network.predict(batch).slice(), batch);
    }
    if (loss < best.loss) best = { loss, weights: network.weights.slice(), at: step };
    settings.onProgress?.((step + 1) / steps);
    if (step - best.at >= patience * checkEvery) break;
  }
  network.weights.set(best.weights);
  return network;
}

/** Pinball loss, the mean over a batch; turns outputs into its gradient. */
function pinball(targets: Float32Array, horizon: number): (outputs: Float32Array, rows: number) => number {
  return (outputs, rows) => {
    let loss = 0;
    const share = 1 / (rows * horizon);
    for (let row = 0; row < rows; row++) {
      for (let step = 0; step < horizon; step++) {
        const target = targets[row * horizon + step] as number;
        for (let q = 0; q < quantiles.length; q++) {
          const at = (row * horizon + step) * quantiles.length + q;
          const quantile = quantiles[q] as number;
          const error = target - (outputs[at] as number);
          loss += share * (error >= 0 ? quantile * error : (quantile - 1) * error);
          outputs[at] = share * (error >= 0 ? -quantile : 1 - quantile);
        }
      }
    }
    return loss;
  };
}

interface Place { readonly row: number; readonly rows: number; readonly targets?: Float32Array }

function fillRow(network: LstmNetwork, x: Float32Array, window: Window, { row, rows, targets }: Place): void {
  const { shape, end } = window;
  const { steps, day, week, horizon } = shape;
  for (let t = 0; t < steps; t++) {
    const index = end - steps + t;
    const value = window.at(index);
    const yesterday = day === 0 ? 0 : window.lag(index - day, 0);
    const lastWeek = week === 0 ? yesterday : window.lag(index - week, yesterday);
    const at = (t * rows + row) * inputs;
    x.set([value, yesterday, lastWeek, ...window.clock(index), window.isResource ? 1 : 0], at);
  }
  network.setSkips(row, skipFeatures(window));
  if (targets === undefined) return;
  for (let step = 0; step < horizon; step++) targets[row * horizon + step] = Math.max(-largestTarget, Math.min(largestTarget, window.at(end + step)));
}

function skipCount({ horizon }: WindowShape): number {
  return 3 * horizon + 8;
}

function skipFeatures(window: Window): number[] {
  const { end, shape } = window;
  const { day, week, horizon, steps } = shape;
  const features: number[] = [];
  for (let step = 0; step < horizon; step++) {
    const yesterday = day === 0 ? 0 : window.lag(end + step - day, 0);
    features.push(yesterday, week === 0 ? yesterday : window.lag(end + step - week, yesterday), window.sameTimeOfDay(end + step, yesterday));
  }
  features.push(...window.clock(end), window.at(end - 1), window.meanOfLast(3), window.meanOfLast(24), window.meanOfLast(steps));
  return features;
}

function forecastOf(networks: readonly LstmNetwork[], window: Window, horizon: number): Forecast {
  const sums = new Float64Array(horizon * quantiles.length);
  for (const network of networks) {
    fillRow(network, network.inputs(1), window, { row: 0, rows: 1 });
    const outputs = network.predict(1);
    for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] as number) + (outputs[i] as number) / networks.length;
  }
  const [low, median, high] = [0, 1, 2].map(() => new Float64Array(horizon)) as [Float64Array, Float64Array, Float64Array];
  for (let step = 0; step < horizon; step++) {
    const sorted = [...sums.subarray(step * quantiles.length, (step + 1) * quantiles.length)].sort((a, b) => a - b);
    [low, median, high].forEach((array, q) => (array[step] = window.value(sorted[q] as number)));
  }
  return { low, median, high };
}
