import { gzipSync } from 'node:zlib';
import { pageStyle } from './page-style.ts';

/** What a page is made of. */
export interface PageParts {
  readonly title: string;
  /** Of the icon: a colour as `rrggbb`. */
  readonly colour: string;
  readonly data: unknown;
  /** Browser code; finds the data in the element `data`. */
  readonly script: string;
  /** Added to the common style. */
  readonly style?: string;
}

/**
 * A page as one HTML file: no server, no network, opens from disk, light and dark. The data is gzip in base64, so nothing in it can break out of its element and
 * much of it stays small.
 */
export function pageShell({ title, colour, data, script, style = '' }: PageParts): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%23${colour}'/%3E%3C/svg%3E">
<style>${pageStyle}${style}</style>
</head>
<body>
<div id="app"><p class="loading">Opening…</p></div>
<noscript><p class="loading">This page is drawn with JavaScript, which is off.</p></noscript>
<script type="text/plain" id="data">${gzipSync(JSON.stringify(data), { level: 9 }).toString('base64')}</script>
<script>${script}</script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
