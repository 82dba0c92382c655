import { AssertionError } from 'node:assert';
import type { CaseReport } from '../model/report.ts';
import { caseLines } from '../report/report.ts';

/** A failed case. It is an AssertionError, so that every framework shows it as a failed assertion; the message is the difference. */
export class RegressionError extends AssertionError {
  readonly report: CaseReport;

  constructor(report: CaseReport) {
    super({ message: caseLines(report).join('\n'), operator: 'foreshard' });
    this.name = 'RegressionError';
    this.report = report;
    this.stack = `${this.name}: ${this.message}`; // where the test stands says nothing
  }
}
