// Fits Prophet off the main thread: gets a series on the logarithmic scale, gives back its forecast, one after the other.
import { parentPort } from 'node:worker_threads';
import { optimizer } from '@bsull/augurs-prophet-wasmstan';
import { initSync, Prophet } from '@bsull/augurs/prophet';
import { sfc32 } from '../lib/prng.ts';
import { augursModule } from './augurs.ts';

/** What the worker is asked. Times in seconds. */
export interface ProphetTask {
  readonly id: number;
  readonly startSeconds: number;
  readonly bucketSeconds: number;
  readonly z: Float64Array;
  readonly horizon: number;
  readonly daily: boolean;
  readonly weekly: boolean;
}

/** What it answers; `failed`: in words why not. */
export type ProphetAnswer =
  | { readonly id: number; readonly low: readonly number[]; readonly median: readonly number[]; readonly high: readonly number[] }
  | { readonly id: number; readonly failed: string };

// Its intervals are sampled, from a generator that seeds itself here: the same series in the same order are to give the same intervals.
const draws = sfc32('70726f706865740000000000000000ff');
Object.defineProperty(globalThis.crypto, 'getRandomValues', {
  value: (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i++) bytes[i] = draws.nextUint32() & 0xff;
    return bytes;
  },
});
initSync(augursModule('prophet'));

parentPort?.on('message', (task: ProphetTask) => {
  let answer: ProphetAnswer;
  try {
    answer = forecast(task);
  } catch (error) {
    answer = { id: task.id, failed: String(error) };
  }
  parentPort?.postMessage(answer);
});

function forecast({ id, startSeconds, bucketSeconds, z, horizon, daily, weekly }: ProphetTask): ProphetAnswer {
  const season = (enabled: boolean): { type: 'manual'; enabled: boolean } => ({ type: 'manual', enabled });
  const model = new Prophet({
    optimizer, dailySeasonality: season(daily), weeklySeasonality: season(weekly), yearlySeasonality: season(false), intervalWidth: 0.8, uncertaintySamples: 100,
  });
  try {
    const at = (index: number): number => startSeconds + index * bucketSeconds;
    model.fit({ ds: Array.from(z, (_, index) => at(index)), y: Array.from(z) });
    const { yhat } = model.predict({ ds: Array.from({ length: horizon }, (_, step) => at(z.length + step)) });
    return { id, median: yhat.point, low: yhat.intervals?.lower ?? yhat.point, high: yhat.intervals?.upper ?? yhat.point };
  } finally {
    model.free();
  }
}
