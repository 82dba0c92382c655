import { startRegression, type Regression, type RegressionOptions } from '../replaying.ts';
import { openRecording } from '../recordings/open-recording.ts';
import type { CaseReport } from '../model/report.ts';
import { RegressionError } from './regression-error.ts';

export type { RegressionOptions } from '../replaying.ts';

/** What a test framework has to offer: a few lines bind one. */
export interface TestFramework {
  /** Groups tests that run at the same time, `concurrency` of them. */
  describe(title: string, concurrency: number, define: () => void): void;
  test(title: string, timeoutMs: number, run: () => Promise<void>): void;
  beforeAll(run: () => Promise<void>, timeoutMs: number): void;
  afterAll(run: () => Promise<void>, timeoutMs: number): void;
}

const startTimeoutMs = 600_000;

/**
 * Makes every recorded request a test of the framework: it passes when the candidate does what the baseline did from the same state.
 * Titles are `METHOD /path [id]`, so that the framework's own filters choose. Only the tests that run are replayed.
 * @throws ForeshardError as opening a recording does
 */
export async function defineRegression(recording: string, options: RegressionOptions, framework: TestFramework): Promise<void> {
  const opened = await openRecording(recording);
  let regression: Regression | undefined;
  framework.describe(options.title ?? `foreshard ${recording}`, options.maxConcurrency ?? 64, () => {
    framework.beforeAll(async () => {
      regression = await startRegression(opened, options);
    }, startTimeoutMs);
    framework.afterAll(async () => {
      await regression?.stop();
    }, startTimeoutMs);
    for (const request of opened.requests) {
      framework.test(`${request.request.method} ${request.request.target} [${request.id}]`, options.timeoutMs ?? 60_000, async () => {
        if (regression === undefined) throw new Error('the candidate was not started');
        expectSame(await regression.check(request.id));
      });
    }
  });
}

/** Throws a {@link RegressionError} with a readable difference unless the verdict is `same` or `noise`. */
export function expectSame(report: CaseReport): void {
  if (report.verdict !== 'same' && report.verdict !== 'noise') throw new RegressionError(report);
}
