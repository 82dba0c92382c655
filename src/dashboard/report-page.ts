import { gzipSync } from 'node:zlib';
import { pageData, type ReportPageInput } from './page-data.ts';
import { pageScript } from './page-script.ts';
import { pageStyle } from './page-style.ts';
import { viewScript } from './page-views.ts';

export type { ReportPageInput } from './page-data.ts';

/**
 * The report as one HTML file: no server, no network, opens from disk, light and dark. The data is gzip in base64, so nothing in it can
 * break out of its element and 20,000 cases stay small.
 */
export async function reportPage(input: ReportPageInput): Promise<string> {
  const data = gzipSync(JSON.stringify(await pageData(input)), { level: 9 }).toString('base64');
  const { totals, requests, candidate } = input.report;
  const title = `${totals.differs === 0 ? 'No difference' : `${totals.differs} differ`} of ${requests} · ${candidate}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='${totals.differs === 0 ? '%2318794e' : '%23cd2b31'}'/%3E%3C/svg%3E">
<style>${pageStyle}</style>
</head>
<body>
<div id="app"><p class="loading">Opening the report…</p></div>
<noscript><p class="loading">This page draws its report with JavaScript, which is off.</p></noscript>
<script type="text/plain" id="data">${data}</script>
<script>${viewScript}
${pageScript}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
