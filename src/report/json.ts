import { reportFormatVersion, type Report } from '../model/report.ts';
import { ForeshardError } from '../model/errors.ts';

/** The report as JSON text, for machines and for reading again. */
export function jsonReport(report: Report): string {
  return `${JSON.stringify(report, null, 2)}\n`;
}

/** Reads a report back. Throws `recording_newer` for one of a later release and `recording_damaged` for what is no report. */
export function parseReport(text: string): Report {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ForeshardError('recording_damaged', 'the report is not JSON', { cause, hint: 'replay again to make a new one' });
  }
  const report = value as Partial<Report> | null;
  if (report?.kind !== 'report' || typeof report.formatVersion !== 'number' || !Array.isArray(report.cases)) {
    throw new ForeshardError('recording_damaged', 'this JSON is no report', { hint: 'replay again to make a new one' });
  }
  if (report.formatVersion > reportFormatVersion) {
    throw new ForeshardError('recording_newer', `the report has format ${report.formatVersion}, this release reads up to ${reportFormatVersion}`, { hint: 'update foreshard' });
  }
  return report as Report;
}
