import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CaseReport } from '../model/report.ts';
import { defineRegression as define, type RegressionOptions, type TestFramework } from './define-regression.ts';
import { RegressionError } from './regression-error.ts';

export { RegressionError } from './regression-error.ts';
export type { RegressionOptions } from './define-regression.ts';

/**
 * Makes every recorded request a concurrent vitest test. Call it at the top level of a test file: `await defineRegression('…', { candidate: '…' })`.
 * Vitest runs 5 concurrent tests at a time unless told otherwise; raise `maxConcurrency` in its configuration to 64.
 */
export async function defineRegression(recording: string, options: RegressionOptions = {}): Promise<void> {
  await define(recording, options, framework);
}

const framework: TestFramework = {
  describe: (title, _concurrency, body) => {
    describe(title, { concurrent: true }, body);
  },
  test: (title, timeoutMs, run) => {
    test(title, run, timeoutMs);
  },
  beforeAll: (run, timeoutMs) => beforeAll(run, timeoutMs),
  afterAll: (run, timeoutMs) => afterAll(run, timeoutMs),
};

/** Adds `expect(report).toMatchBaseline()`. Call it once, in a setup file or at the top of a test file. */
export function extendExpect(): void {
  expect.extend({
    toMatchBaseline(report: CaseReport) {
      const pass = report.verdict === 'same' || report.verdict === 'noise';
      return { pass, message: () => (pass ? `${report.id} behaves as the baseline does` : new RegressionError(report).message) };
    },
  });
}

declare module 'vitest' {
  interface Matchers<T> {
    /** The verdict of this case report is `same` or `noise`. */
    toMatchBaseline(): T;
  }
}
