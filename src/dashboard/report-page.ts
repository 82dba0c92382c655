import { pageData, type ReportPageInput } from './page-data.ts';
import { pageScript } from './page-script.ts';
import { pageShell } from './page-shell.ts';
import { viewScript } from './page-views.ts';

export type { ReportPageInput } from './page-data.ts';

/** The report as one HTML file, however many cases it has. */
export async function reportPage(input: ReportPageInput): Promise<string> {
  const { totals, requests, candidate } = input.report;
  return pageShell({
    title: `${totals.differs === 0 ? 'No difference' : `${totals.differs} differ`} of ${requests} · ${candidate}`,
    colour: totals.differs === 0 ? '18794e' : 'cd2b31', data: await pageData(input), script: `${viewScript}\n${pageScript}`,
  });
}
