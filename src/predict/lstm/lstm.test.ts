import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { sfc32 } from '../../lib/prng.ts';
import { ReferenceKernel, type LstmKernel } from './kernel.ts';
import { LstmNetwork, type Loss, type NetworkShape } from './network.ts';
import { lstmKernel } from './wasm-kernel.ts';

const seed = '00000001000000020000000300000004';
const shape: NetworkShape = { inputs: 3, hidden: 4, steps: 5, skips: 2, outputs: 3, batch: 3 };

/** A network with a batch in it. */
function filled(kernel: LstmKernel, rows = 3): LstmNetwork {
  const prng = sfc32(seed);
  const network = new LstmNetwork(kernel, shape, prng);
  const inputs = network.inputs(rows);
  for (let i = 0; i < inputs.length; i++) inputs[i] = prng.next() * 2 - 1;
  for (let row = 0; row < rows; row++) network.setSkips(row, [prng.next(), prng.next()]);
  return network;
}

const squares: Loss = (outputs) => {
  let loss = 0;
  for (let i = 0; i < outputs.length; i++) {
    const error = (outputs[i] as number) - Math.sin(i);
    loss += error * error;
    outputs[i] = 2 * error;
  }
  return loss;
};

test('the vector kernels are built from the source as it is', async () => {
  const { kernelBytesFile } = (await import(new URL('../../../scripts/build-wasm.mjs', import.meta.url).href)) as { kernelBytesFile(): Promise<string> };
  expect(await readFile(new URL('kernel-bytes.ts', import.meta.url), 'utf8')).toBe(await kernelBytesFile());
});

describe('both kernels do the same', () => {
  const pair = (): readonly [LstmKernel, LstmKernel] => [lstmKernel(), new ReferenceKernel()];

  test('there is one with vectors', () => {
    expect(lstmKernel()).not.toBeInstanceOf(ReferenceKernel);
  });

  test('matrix products of any size', () => {
    const size = fc.integer({ min: 1, max: 13 });
    fc.assert(fc.property(size, size, size, fc.nat(), (m, k, n, salt) => {
      const results = pair().map((kernel) => {
        const prng = sfc32(salt.toString(16).padStart(32, '0'));
        const matrix = (count: number): number => {
          const at = kernel.reserve(count);
          for (let i = 0; i < count; i++) kernel.memory[at + i] = prng.next() * 4 - 2;
          return at;
        };
        const [a, at, b, c, d, sums, turned] = [matrix(m * k), matrix(k * m), matrix(k * n), matrix(m * n), matrix(m * n), matrix(n), matrix(m * k)] as [number, number, number, number, number, number, number];
        kernel.gemm(a, b, c, m, k, n);
        kernel.gemmTN(at, b, d, k, m, n);
        kernel.addRow(c, sums, m, n);
        kernel.sumRows(d, sums, m, n);
        kernel.transpose(a, turned, m, k);
        return [c, d, sums, turned].flatMap((from, index) => [...kernel.memory.subarray(from, from + ([m * n, m * n, n, m * k][index] as number))]);
      });
      expect(maxDifference(results[0] as number[], results[1] as number[])).toBeLessThan(1e-4);
    }), { numRuns: 100 });
  });

  test('a step of training, forwards and backwards', () => {
    for (const rows of [1, 3]) {
      const [vector, plain] = pair().map((kernel) => {
        const network = filled(kernel, rows);
        const losses = Array.from({ length: 20 }, () => network.train(rows, squares, { rate: 1e-2, weightDecay: 1e-3, clip: 1 }));
        return [...losses, ...network.predict(rows), ...network.weights];
      });
      expect(maxDifference(vector as number[], plain as number[])).toBeLessThan(1e-3);
    }
  });
});

test.each([['vectors', lstmKernel], ['plain', () => new ReferenceKernel()]] as const)('the gradient is that of the loss, by finite differences (%s)', (_name, kernel) => {
  const network = filled(kernel());
  network.gradient(3, squares);
  const gradient = [...network.lastGradient];
  const { weights } = network;
  const step = 1e-2;
  const lossAt = (index: number, offset: number): number => {
    const kept = weights[index] as number;
    weights[index] = kept + offset;
    const loss = squares(network.predict(3).slice(), 3);
    weights[index] = kept;
    return loss;
  };
  let checked = 0;
  for (let index = 0; index < weights.length; index++) {
    const numeric = (lossAt(index, step) - lossAt(index, -step)) / (2 * step);
    expect(Math.abs(numeric - (gradient[index] as number)), `weight ${index}: ${numeric} and ${gradient[index]}`).toBeLessThan(2e-2 * Math.max(1, Math.abs(numeric)));
    if (Math.abs(numeric) > 1e-3) checked++;
  }
  expect(checked).toBeGreaterThan(weights.length * 0.8);
});

test('a seeded run repeats exactly, and learns', () => {
  const runs = [1, 2].map(() => {
    const network = filled(lstmKernel());
    return Array.from({ length: 200 }, () => network.train(3, squares, { rate: 1e-2, weightDecay: 0, clip: 1 }));
  });
  expect(runs[0]).toEqual(runs[1]);
  expect(runs[0]?.at(-1)).toBeLessThan((runs[0]?.[0] as number) / 100);
});

function maxDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] as number))), 0);
}
