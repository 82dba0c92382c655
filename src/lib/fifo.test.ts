import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from './fifo.ts';

test('behaves as an array', () => {
  fc.assert(fc.property(fc.array(fc.oneof({ weight: 8, arbitrary: fc.nat() }, { weight: 8, arbitrary: fc.constant('shift') }, { weight: 1, arbitrary: fc.constant('drain') }), { maxLength: 200 }), (steps) => {
    const fifo = new Fifo<number>();
    const model: number[] = [];
    for (const step of steps) {
      if (typeof step === 'number') {
        fifo.push(step);
        model.push(step);
      } else if (step === 'drain') {
        expect(fifo.drain()).toEqual(model.splice(0));
      } else {
        expect(fifo.shift()).toBe(model.shift());
      }
      expect([fifo.size, fifo.first, fifo.toArray()]).toEqual([model.length, model[0], model]);
    }
  }));
});

test('lets go of what has left it, also while it is never empty', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const fifo = new Fifo<object>();
  let left = 0;
  const watch = new FinalizationRegistry(() => left++);
  for (let item = 0; item < 100; item++) {
    const value = { item };
    watch.register(value, undefined);
    fifo.push(value);
  }
  for (let item = 0; item < 99; item++) fifo.shift();
  await expect.poll(() => {
    collect();
    return left;
  }).toBeGreaterThan(90);
  expect(fifo.size).toBe(1);
});

test('a long queue is emptied in time in proportion to its length', () => {
  const fifo = new Fifo<number>();
  for (let item = 0; item < 500_000; item++) fifo.push(item);
  const start = Date.now();
  for (let item = 0; item < 500_000; item++) if (fifo.shift() !== item) throw new Error(`lost ${item}`);
  expect(fifo.size).toBe(0);
  expect(Date.now() - start).toBeLessThan(3000);
});
