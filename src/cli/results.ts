import { resolve } from 'node:path';
import pc from 'picocolors';
import type { ReplayResult } from '../replaying.ts';
import type { Report } from '../model/report.ts';
import { keepReport, keepRun, keptReport, keptRun } from '../recordings/kept-runs.ts';
import type { Run } from '../model/run.ts';
import { ForeshardError } from '../model/errors.ts';
import { readManifest } from '../recordings/manifest.ts';
import { writeOutput } from './terminal.ts';

/** Where a report goes besides the terminal. */
export interface ReportFlags {
  readonly json?: string;
  readonly junit?: string;
  readonly html?: string;
}

const lastRunName = 'last-run';
const lastReportName = 'last-report';

/** A kept result: where its page is, and what could not be written. */
export interface KeptResult {
  readonly html: string;
  /** Of the files asked for; said after the report, which must not be lost with them. */
  readonly failure?: unknown;
}

/** Keeps the run and its report beside the recording, writes the files asked for, and the HTML page always. */
export async function keepResult(result: ReplayResult, flags: ReportFlags): Promise<KeptResult> {
  const { report, run, opened } = result;
  await keepRun(opened.folder, lastRunName, run);
  await keepReport(opened.folder, lastReportName, report);
  const [{ reportPage }, { junitReport }] = await Promise.all([import('../dashboard/report-page.ts'), import('../report/junit.ts')]);
  const html = resolve(flags.html ?? `${opened.folder}/report.html`);
  const written = await Promise.allSettled([
    flags.json === undefined ? undefined : writeOutput(flags.json, `${JSON.stringify(report, null, 2)}\n`),
    flags.junit === undefined ? undefined : writeOutput(flags.junit, junitReport(report)),
    reportPage({ report, run, baseline: result.baseline, recording: opened }).then((page) => writeOutput(html, page)),
  ]);
  const failed = written.find((one) => one.status === 'rejected');
  return failed === undefined ? { html } : { html, failure: failed.reason };
}

/** Prints the report for people; to standard error when standard output carries JSON. */
export async function printReport(report: Report, flags: ReportFlags, html: string): Promise<void> {
  const { terminalReport } = await import('../report/terminal.ts');
  const stream = flags.json === '-' ? process.stderr : process.stdout;
  stream.write(`${terminalReport(report)}\n${pc.dim('report')} ${html}\n`);
}

/** 0 when everything is the same or noise, 1 on a difference, 3 when something could not be judged. */
export function exitCodeOf(report: Report): number {
  const { differs, inconclusive, error, not_run: notRun } = report.totals;
  if (differs > 0) return 1;
  return inconclusive + error + notRun > 0 ? 3 : 0;
}

/** The last run and its report, kept beside the recording. */
export async function lastResult(folder: string): Promise<{ run: Run; report: Report }> {
  await readManifest(folder); // says what is wrong where there is no recording
  const [run, report] = await Promise.all([keptRun(folder, lastRunName), keptReport(folder, lastReportName)]);
  if (run === undefined || report === undefined) {
    throw new ForeshardError('request_not_found', `${folder} has not been replayed yet`, { hint: "run foreshard replay --candidate '…' first" });
  }
  return { run, report };
}
