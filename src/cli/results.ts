import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import pc from 'picocolors';
import { reportPage } from '../dashboard/report-page.ts';
import type { ReplayResult } from '../foreshard.ts';
import type { Report } from '../model/report.ts';
import { keepReport, keepRun, keptReport, keptRun } from '../recordings/kept-runs.ts';
import { junitReport } from '../report/junit.ts';
import { terminalReport } from '../report/terminal.ts';
import type { Run } from '../model/run.ts';
import { ForeshardError } from '../model/errors.ts';

/** Where a report goes besides the terminal. */
export interface ReportFlags {
  readonly json?: string;
  readonly junit?: string;
  readonly html?: string;
}

const lastRunName = 'last-run';
const lastReportName = 'last-report';

/** Keeps the run and its report beside the recording, writes the files asked for, and the HTML page always. */
export async function keepResult(result: ReplayResult, flags: ReportFlags): Promise<string> {
  const { report, run, opened } = result;
  await keepRun(opened.folder, lastRunName, run);
  await keepReport(opened.folder, lastReportName, report);
  if (flags.json !== undefined) await output(flags.json, `${JSON.stringify(report, null, 2)}\n`);
  if (flags.junit !== undefined) await output(flags.junit, junitReport(report));
  const html = resolve(flags.html ?? `${opened.folder}/report.html`);
  await output(html, await reportPage({ report, run, baseline: result.baseline, recording: opened }));
  return html;
}

/** Prints the report for people; to standard error when standard output carries JSON. */
export function printReport(report: Report, flags: ReportFlags, html: string): void {
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
  const [run, report] = await Promise.all([keptRun(folder, lastRunName), keptReport(folder, lastReportName)]);
  if (run === undefined || report === undefined) {
    throw new ForeshardError('request_not_found', `${folder} has not been replayed yet`, { hint: "run foreshard replay --candidate '…' first" });
  }
  return { run, report };
}

async function output(path: string, text: string): Promise<void> {
  if (path === '-') {
    process.stdout.write(text);
    return;
  }
  await mkdir(dirname(resolve(path)), { recursive: true });
  await writeFile(path, text);
}
