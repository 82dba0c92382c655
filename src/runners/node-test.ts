import { after, before, describe, test } from 'node:test';
import { defineRegression as define, type RegressionOptions, type TestFramework } from './define-regression.ts';

export { RegressionError } from './regression-error.ts';
export type { RegressionOptions } from './define-regression.ts';

/** Makes every recorded request a concurrent test of node:test. Call it at the top level: `await defineRegression('…', { candidate: '…' })`. */
export async function defineRegression(recording: string, options: RegressionOptions = {}): Promise<void> {
  await define(recording, options, framework);
}

const framework: TestFramework = {
  describe: (title, concurrency, body) => {
    void describe(title, { concurrency }, body);
  },
  test: (title, timeoutMs, run) => {
    void test(title, { timeout: timeoutMs }, run);
  },
  beforeAll: (run, timeoutMs) => before(run, { timeout: timeoutMs }),
  afterAll: (run, timeoutMs) => after(run, { timeout: timeoutMs }),
};
