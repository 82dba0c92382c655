import junit, { type Builder } from 'junit-report-builder';
import pc from 'picocolors';
import { verdicts, type CaseReport, type Report } from '../model/report.ts';
import { caseLines, kindWords, percent } from './terminal.ts';
import { visible } from './words.ts';

// the package is CommonJS whose exports are the builder itself; its types say it is under `default`
const builder = junit as unknown as Builder;

/**
 * The report as JUnit XML: one test case a recorded request, by route. What differs is a failure, what could not be judged an
 * error, what was not run skipped.
 */
export function junitReport(report: Report): string {
  const out = builder.newBuilder().name('foreshard');
  const suite = out.testSuite().name(`${report.candidate} against ${report.baseline}`);
  suite.property('assertedShare', percent(report.assertedShare));
  suite.property('selfReplay', `${report.gate.reproduced}/${report.gate.of}`);
  for (const verdict of verdicts) suite.property(verdict, String(report.totals[verdict]));
  for (const entry of report.cases) {
    const test = suite.testCase().className(visible(entry.route ?? entry.method)).name(`${entry.method} ${visible(entry.target)} (${entry.id})`);
    const text = caseLines(entry, pc.createColors(false)).slice(1).join('\n');
    switch (entry.verdict) {
      case 'same': case 'noise': break;
      case 'differs': test.failure(failureMessage(entry), 'regression').stacktrace(text); break;
      case 'inconclusive': case 'error': test.error(entry.problems[0]?.message ?? entry.verdict, entry.problems[0]?.code ?? entry.verdict, text); break;
      case 'not_run': test.skipped(); break;
    }
  }
  return out.build();
}

function failureMessage(entry: CaseReport): string {
  const [first] = entry.differences;
  if (first === undefined) return 'differs';
  const more = entry.differences.length - 1;
  return `${kindWords[first.kind]}: ${first.message}${more > 0 ? ` (and ${more} more)` : ''}`;
}
