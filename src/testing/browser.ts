import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';

const path = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/chromium-browser'].find((one) => existsSync(one));
if (path === undefined && process.env['CI'] !== undefined) throw new Error('pages are tested in Chromium, which is not installed');
if (path === undefined) console.warn('SKIPPED: pages in a browser (install chromium)');

/** Whether there is a browser to test pages in; in CI there has to be. */
export const hasBrowser: boolean = path !== undefined;

/** Opens a page from disk, once it says that it is ready. `errors` gets what went wrong in it, and whatever it asked of a network. */
export async function withPage(html: string, use: (page: Page, errors: readonly string[]) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'foreshard-page-'));
  const browser = await chromium.launch({ executablePath: path as string, args: ['--no-sandbox'] });
  try {
    const file = join(folder, 'page.html');
    writeFileSync(file, html);
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('request', (request) => {
      if (!/^(?:file|data):/.test(request.url())) errors.push(request.url());
    });
    await page.goto(`file://${file}`);
    await page.waitForSelector('html[data-ready=yes]', { state: 'attached' });
    await use(page, errors);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}
