/** One training step of the LSTM on vectors, against the same in plain TypeScript. */
import { sfc32 } from '../dist/lib/prng.js';
import { ReferenceKernel } from '../dist/predict/lstm/kernel.js';
import { LstmNetwork } from '../dist/predict/lstm/network.js';
import { lstmKernel } from '../dist/predict/lstm/wasm-kernel.js';
import { interleaved, median, pairedRatio } from './support/measure.mjs';

export const claim = 'a training step of the LSTM (batch 64, 48 steps, 32 units) on WebAssembly vectors ÷ plain TypeScript';
export const servers = [];

const shape = { inputs: 8, hidden: 32, steps: 48, skips: 44, outputs: 36, batch: 64 };

export async function measure() {
  const [vectors, plain] = [network(lstmKernel()), network(new ReferenceKernel())];
  const samples = await interleaved({ count: 9, warmUp: 2, variants: { vectors: async () => timed(vectors, 40), plain: async () => timed(plain, 4) } });
  const repeated = [1, 2].map(() => {
    const one = network(lstmKernel());
    for (let step = 0; step < 50; step++) train(one);
    return Buffer.from(one.weights.slice().buffer).toString('base64');
  });
  return [
    { name: 'a step', value: median(samples.vectors), unit: 'ms', goal: '<= 10', anchor: 'CPU time' },
    { name: 'a step in plain TypeScript', value: median(samples.plain), unit: 'ms', goal: null, anchor: 'CPU time' },
    { name: 'times faster', value: pairedRatio(samples.plain, samples.vectors), unit: '×', goal: '>= 5', anchor: 'the reference, same run' },
    { name: 'a seeded run repeats exactly', value: repeated[0] === repeated[1] ? 1 : 0, unit: '', goal: '>= 1', anchor: '50 steps, all weights' },
  ];
}

function network(kernel) {
  const prng = sfc32('00000001000000020000000300000004');
  const made = new LstmNetwork(kernel, shape, prng);
  const inputs = made.inputs(shape.batch);
  for (let i = 0; i < inputs.length; i++) inputs[i] = prng.next() * 2 - 1;
  for (let row = 0; row < shape.batch; row++) made.setSkips(row, Array.from({ length: shape.skips }, () => prng.next()));
  return made;
}

function train(one) {
  one.train(shape.batch, (outputs) => {
    for (let i = 0; i < outputs.length; i++) outputs[i] = (outputs[i] - 0.3) / outputs.length;
    return 0;
  }, { rate: 1e-3, weightDecay: 0, clip: 1 });
}

/** CPU milliseconds a step. */
function timed(one, steps) {
  const before = process.cpuUsage();
  for (let step = 0; step < steps; step++) train(one);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000 / steps;
}
