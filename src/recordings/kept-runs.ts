import type { RequestId } from '../model/recording.ts';
import { reportFormatVersion, type CaseReport, type Report } from '../model/report.ts';
import { runFormatVersion, type CaseOutcome, type Run } from '../model/run.ts';
import { readArtefact, writeArtefact } from './artefacts.ts';

const acceptedName = 'accepted';
const acceptedFormatVersion = 1;

/** Keeps a run with its recording, an outcome a line. */
export async function keepRun(folder: string, name: string, run: Run): Promise<void> {
  const { outcomes, ...head } = run;
  await writeArtefact(folder, name, head, outcomes);
}

/** A run kept by that name; undefined where there is none. */
export async function keptRun(folder: string, name: string): Promise<Run | undefined> {
  const kept = await readArtefact(folder, name, { kind: 'run', formatVersion: runFormatVersion });
  return kept === undefined ? undefined : { ...(kept.head as Omit<Run, 'outcomes'>), outcomes: kept.items as readonly CaseOutcome[] };
}

/** Keeps a report with its recording, a case a line. */
export async function keepReport(folder: string, name: string, report: Report): Promise<void> {
  const { cases, ...head } = report;
  await writeArtefact(folder, name, head, cases);
}

/** A report kept by that name; undefined where there is none. */
export async function keptReport(folder: string, name: string): Promise<Report | undefined> {
  const kept = await readArtefact(folder, name, { kind: 'report', formatVersion: reportFormatVersion });
  return kept === undefined ? undefined : { ...(kept.head as Omit<Report, 'cases'>), cases: kept.items as readonly CaseReport[] };
}

/** Outcomes that were accepted in place of the baseline's. */
export async function keptAccepted(folder: string): Promise<ReadonlyMap<RequestId, CaseOutcome>> {
  const kept = await readArtefact(folder, acceptedName, { kind: 'accepted', formatVersion: acceptedFormatVersion });
  return new Map((kept?.items as readonly CaseOutcome[] | undefined)?.map((outcome) => [outcome.id, outcome]));
}

/** Replaces the accepted outcomes. */
export async function keepAccepted(folder: string, outcomes: Iterable<CaseOutcome>): Promise<void> {
  await writeArtefact(folder, acceptedName, { kind: 'accepted', formatVersion: acceptedFormatVersion }, outcomes);
}
