import crypto from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openContext, storage } from './context.ts';
import { installRandomness } from './randomness.ts';

const before = { random: Math.random, crypto: { ...crypto }, web: { ...Object.getOwnPropertyDescriptors(Object.getPrototypeOf(crypto.webcrypto) as object) } };

beforeAll(installRandomness);
afterAll(() => {
  Math.random = before.random;
  for (const name of ['randomUUID', 'randomBytes', 'randomInt', 'randomFillSync', 'randomFill'] as const) Reflect.set(crypto, name, before.crypto[name]);
  for (const name of ['randomUUID', 'getRandomValues']) Object.defineProperty(Object.getPrototypeOf(crypto.webcrypto), name, before.web[name] ?? {});
});

function within<T>(number: number, run: () => T): T {
  const context = openContext(`t${number};1;${number.toString(16).padStart(32, '4')}`);
  if (context === undefined) throw new Error('no context');
  return storage.run(context, run);
}

/** Draws in every way there is. */
function draws(): unknown[] {
  return [
    Math.random(), crypto.randomUUID(), crypto.randomBytes(7).toString('hex'), crypto.randomInt(2 ** 40), crypto.randomInt(-3, 3),
    [...crypto.randomFillSync(new Uint16Array(4), 1, 2)], [...new Uint8Array(crypto.randomFillSync(new DataView(new ArrayBuffer(5))).buffer)],
    [...crypto.getRandomValues(new Uint32Array(2))], crypto.webcrypto.randomUUID(), globalThis.crypto.randomUUID(),
  ];
}

test('the same seed gives the same draws, another seed others', () => {
  const first = within(1, draws);
  expect(within(1, draws)).toEqual(first);
  for (const [at, value] of within(2, draws).entries()) if (at !== 4) expect(value).not.toEqual(first[at]);
});

test('outside a context, draws are real', () => {
  const [one, two] = [draws(), draws()];
  for (const at of [0, 1, 2, 8, 9]) expect(one[at]).not.toEqual(two[at]);
});

test('one more Math.random() changes no id', () => {
  const ids = (extra: number): string => within(3, () => {
    for (let draw = 0; draw < extra; draw++) Math.random();
    return crypto.randomUUID();
  });
  expect(ids(5)).toBe(ids(0));
});

test('ids are version 4 uuids', () => {
  fc.assert(fc.property(fc.nat(100_000), number => {
    expect(within(number, () => crypto.randomUUID())).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  }));
});

test('integers stay in their range', () => {
  fc.assert(fc.property(fc.nat(1000), fc.integer({ min: -(2 ** 46), max: 2 ** 46 }), fc.integer({ min: 1, max: 2 ** 46 }), (number, min, range) => {
    const value = within(number, () => crypto.randomInt(min, min + range));
    expect(value >= min && value < min + range && Number.isInteger(value)).toBe(true);
  }));
});

test('only the part that is asked for is filled', () => {
  const view = new Uint8Array(8);
  within(4, () => crypto.randomFillSync(view, 2, 3));
  expect([...view.slice(0, 2), ...view.slice(5)]).toEqual([0, 0, 0, 0, 0]);
  expect(view.slice(2, 5).some(byte => byte !== 0)).toBe(true);
});

test('wrong arguments fail as they do without the preload', () => {
  within(5, () => {
    expect(() => crypto.randomBytes(-1)).toThrow(RangeError);
    expect(() => crypto.randomInt(5, 5)).toThrow(RangeError);
    expect(() => crypto.randomFillSync(new Uint8Array(2), 3)).toThrow(RangeError);
    expect(() => crypto.getRandomValues(new Float32Array(2) as unknown as Uint8Array)).toThrow(/integer|TypeMismatch/i);
    expect(() => crypto.getRandomValues(new Uint8Array(65_537))).toThrow(/65,?536|quota/i);
  });
});

test('callbacks come later, in the order of the calls', async () => {
  const take = async (): Promise<string[]> => {
    const got: string[] = [];
    await Promise.all([4, 4, 4].map(size => new Promise<void>(resolve => {
      crypto.randomBytes(size, (_error, bytes) => {
        got.push(bytes.toString('hex'));
        resolve();
      });
      expect(got).toEqual([]);
    })));
    return got;
  };
  expect(await within(6, take)).toEqual(await within(6, take));
});

test('pools of nanoid and uuid do not carry over from request to request; other packages’ buffers are left alone', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'foreshard-pools-'));
  // The way nanoid (Buffer, subarray) and uuid (Uint8Array, slice) keep their pools.
  const nanoidLike = `const crypto = require('crypto'); let pool, at;
    const fill = n => { if (!pool || pool.length < n) { pool = Buffer.allocUnsafe(n * 128); crypto.randomFillSync(pool); at = 0; }
      else if (at + n > pool.length) { crypto.randomFillSync(pool); at = 0; } at += n; };
    module.exports = () => { fill(8); return pool.subarray(at - 8, at).toString('hex'); };`;
  const uuidLike = `const crypto = require('crypto'); const pool = new Uint8Array(256); let at = pool.length;
    module.exports = () => { if (at > pool.length - 16) { crypto.randomFillSync(pool); at = 0; } return [...pool.slice(at, at += 16)].join(); };`;
  const load = (name: string, source: string): (() => string) => {
    const file = path.join(folder, 'node_modules', name, 'index.cjs');
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, source);
    return createRequire(import.meta.url)(file) as () => string;
  };
  try {
    for (const draw of [load('nanoid', nanoidLike), load('uuid', uuidLike)]) {
      draw();
      const first = within(7, () => [draw(), draw()]);
      within(8, draw);
      expect(within(7, () => [draw(), draw()])).toEqual(first);
      expect(first[0]).not.toBe(first[1]);
    }
    const own = load('uuid-service', 'module.exports = () => String(require("crypto").randomFillSync(new Uint8Array(256)).length);');
    expect(within(7, own)).toBe('256');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
