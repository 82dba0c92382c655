import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { changedSource, foreshard, root, type Change } from './support/example.ts';

// Inside the checkout, so that `foreshard`, vitest and ioredis are found as a user's project finds them.
const folder = join(root, '.foreshard', `runners-${process.pid}`);
const recording = join(folder, 'recording');
const server = join(root, 'examples/cart/server.js');
let broken: ReturnType<typeof changedSource>;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const { changes } = (await import(join(root, 'examples/cart/changes.js'))) as { changes: readonly Change[] };
  broken = changedSource(server, changes.find((change) => change.name === 'dropped-active-removal') as Change);
  const { startCatalogue } = (await import(join(root, 'examples/cart/catalogue.js'))) as { startCatalogue(): Promise<{ close(): void; address(): { port: number } }> };
  const catalogue = await startCatalogue();
  const url = `http://127.0.0.1:${catalogue.address().port}`;
  const recorded = await foreshard(['record', '-r', recording, '--redis', 'embedded', '--http', `catalogue=${url}`, '--listen', '0',
    '--drive', `node ${join(root, 'examples/cart/traffic.js')} {url} 8 4`, '--', 'node', server], { env: { CATALOGUE_URL: url } });
  catalogue.close();
  expect(recorded, recorded.stderr).toMatchObject({ code: 0 });
}, 120_000);

afterAll(() => {
  broken?.remove();
  rmSync(folder, { recursive: true, force: true });
});

async function run(command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const { VITEST: _vitest, NODE_OPTIONS: _options, ...env } = process.env;
  const child = spawn(command, args, { cwd: folder, env: { ...env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  const code = await new Promise<number>((done) => child.once('close', (exit) => done(exit ?? -1)));
  return { code, output };
}

function vitest(name: string, candidate: string, args: readonly string[] = []): ReturnType<typeof run> {
  writeFileSync(join(folder, `${name}.test.mjs`), `import { defineRegression } from 'foreshard/vitest';\nawait defineRegression(${JSON.stringify(recording)}, { candidate: ${JSON.stringify(`node ${candidate}`)} });\n`);
  writeFileSync(join(folder, 'vitest.config.mjs'), "export default { test: { include: ['*.test.mjs'], maxConcurrency: 64 } };\n");
  return run(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'vitest.config.mjs', `${name}.test.mjs`, ...args]);
}

test('vitest: each recorded request is a native test, and passes for the unchanged service', async () => {
  const { code, output } = await vitest('same', server);
  expect(code, output).toBe(0);
  expect(Number(/Tests\s+(\d+) passed/.exec(output)?.[1]), output).toBeGreaterThan(80);
});

test('vitest: only the requests that differ fail, with a readable difference', async () => {
  const { code, output } = await vitest('broken', broken.path);
  expect(code, output).toBe(1);
  expect(output).toMatch(/FAIL .*POST \/carts\/.*\/checkout \[r\d+\]/);
  expect(output).toContain('redis:0/carts:active is no longer written');
  const [failed, passed] = [/Tests\s+(\d+) failed/.exec(output)?.[1], /(\d+) passed/.exec(output)?.[1]].map(Number);
  expect(failed).toBeGreaterThan(0);
  expect(passed).toBeGreaterThan(70);
});

test('vitest: its own filter replays only what it chooses', async () => {
  const { code, output } = await vitest('filtered', broken.path, ['-t', 'POST /login']);
  expect(code, output).toBe(0);
  expect(output).toMatch(/Tests\s+8 passed \| \d+ skipped/);
});

test('node:test: the same cases, the same verdicts', async () => {
  for (const [name, candidate, expected] of [['same', server, 0], ['broken', broken.path, 1]] as const) {
    writeFileSync(join(folder, `${name}.mjs`), `import { defineRegression } from 'foreshard/node-test';\nawait defineRegression(${JSON.stringify(recording)}, { candidate: ${JSON.stringify(`node ${candidate}`)} });\n`);
    const { code, output } = await run(process.execPath, ['--test', '--test-reporter', 'tap', `${name}.mjs`]);
    expect(code, output).toBe(expected);
    if (expected === 1) expect(output).toContain('redis:0/carts:active is no longer written');
    expect(output.match(/(?:ok|not ok) \d+ - (?:GET|POST|DELETE) /g)?.length).toBeGreaterThan(80);
  }
});
