import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { planAddresses, runsNode } from './plan-addresses.ts';
import type { PlanFacts } from './plan-addresses.ts';

const hardCoded = { kind: 'redis' as const, from: '127.0.0.1:6379', to: { host: '127.0.0.1', port: 21001 } };
const plan = (facts: Partial<PlanFacts>): string => planAddresses({
  command: ['server'], preload: 'auto', isolation: 'auto', unled: [], namespaces: true, node: false, learnt: { addresses: new Map() }, ...facts,
});

test('Node.js: the preload, whatever is in its code', () => {
  expect(plan({ node: true })).toBe('preload');
  expect(plan({ node: true, unled: [hardCoded] })).toBe('preload');
  expect(plan({ unled: [hardCoded], learnt: { addresses: new Map(), preloaded: true } })).toBe('preload');
});

test('other languages: the environment where it is enough, else a network of their own, else the original port', () => {
  expect(plan({ preload: 'off' })).toBe('env');
  expect(plan({ learnt: { addresses: new Map(), preloaded: false } })).toBe('env');
  expect(plan({ unled: [hardCoded] })).toBe('namespace');
  expect(plan({ unled: [hardCoded], node: true, learnt: { addresses: new Map(), preloaded: false } })).toBe('namespace');
  expect(plan({ learnt: { addresses: new Map(), preloaded: false, fixedPort: true } })).toBe('namespace');
  expect(plan({ unled: [hardCoded], namespaces: false })).toBe('original-port');
  expect(plan({ unled: [hardCoded], isolation: 'none' })).toBe('original-port');
});

test('what cannot be is refused with what to do', () => {
  expect(() => plan({ isolation: 'namespace', namespaces: false })).toThrow(/namespace/);
  for (const facts of [{ namespaces: false }, { isolation: 'none' as const }]) {
    expect(() => plan({ ...facts, learnt: { addresses: new Map(), preloaded: false, fixedPort: true } })).toThrow(expect.objectContaining({ code: 'lane_unavailable', hint: expect.stringContaining('{port}') }));
  }
});

test('what runs Node.js', () => {
  const folder = mkdtempSync(join(tmpdir(), 'foreshard-plan-'));
  try {
    for (const [name, text] of [['server', '#!/usr/bin/env node\n'], ['tool', '#!/usr/bin/env python3\n'], ['binary', '\x7fELF node']] as const) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
    expect(runsNode(['/usr/local/bin/node', 'server.js'], '')).toBe(true);
    expect(runsNode(['npm', 'start'], '')).toBe(true);
    expect(runsNode(['env', 'A=1', 'node', 'x.js'], '')).toBe(true);
    expect(runsNode(['server'], folder)).toBe(true);
    for (const command of [['tool'], ['binary'], ['python3', 'node.py'], ['absent'], []]) expect(runsNode(command, folder)).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
