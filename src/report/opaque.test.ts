import { createHmac } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteString, utf8ByteString } from '../lib/bytes.ts';
import type { CaseOutcome } from '../model/run.ts';
import { ByteMask } from './byte-mask.ts';
import { compareOutcomes } from './compare.ts';
import { effectOf, outcomeOf, setOf } from './outcome.ts';

const wrote = (value: string): CaseOutcome => outcomeOf({ effects: [effectOf('k', { type: 'string', value })] });
const compare = (a: string, b: string): string[] => compareOutcomes(wrote(a), wrote(b)).map(({ kind, path }) => `${kind} ${path.replace('$.writes[\'redis:0/k\']', '')}`);
const json = (value: unknown): string => JSON.stringify(value);

describe('a mask of bytes', () => {
  const mask = new ByteMask();
  mask.learn('head\x01\x02\x03\x04tail', 'head\x09\x02\x03\x08tail');
  it('hides the bytes that differ between control runs, and equal ones between two of them', () => {
    expect(mask.covers('head\x01\x02\x03\x04tail', 'head\x05\x06\x07\x08tail')).toBe(true);
    expect(mask.share).toBeCloseTo(2 / 12);
  });
  it('asserts all others, and the length', () => {
    for (const other of ['heaD\x01\x02\x03\x04tail', 'head\x01\x02\x03\x04Tail', 'head\x01\x02\x03\x04tail!']) expect(mask.covers('head\x01\x02\x03\x04tail', other)).toBe(false);
  });
  it('hides nothing that no control run showed, whatever the bytes', () => {
    const bytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 12, maxLength: 12 });
    fc.assert(fc.property(bytes, bytes, bytes, fc.integer({ min: 0, max: 11 }), (a, b, c, at) => {
      const [one, two] = [a, a.map((byte, index) => (index < 6 ? b[index] as number : byte))].map((list) => String.fromCharCode(...list)) as [string, string];
      const learnt = new ByteMask();
      learnt.learn(one, two);
      const changed = String.fromCharCode(...a.map((byte, index) => (index === at ? c[index] as number : byte)));
      if (at >= 6) expect(learnt.covers(one, changed)).toBe(changed === one);
      expect(learnt.covers(one, two)).toBe(true);
    }));
  });
});

describe('compressed values', () => {
  const value = { total: 12, items: ['a', 'b'], text: 'word '.repeat(40) };
  const packings: [string, (text: string, level: number) => string][] = [
    ['gzip', (text, level) => byteString(gzipSync(text, { level }))], ['zlib', (text, level) => byteString(deflateSync(text, { level }))],
    ['base64 gzip', (text, level) => gzipSync(text, { level }).toString('base64')], ['base64 zlib', (text, level) => deflateSync(text, { level }).toString('base64url')],
  ];
  it('are compared by what they hold', () => {
    for (const [name, pack] of packings) {
      expect(pack(json(value), 1), name).not.toBe(pack(json(value), 9));
      expect(compare(pack(json(value), 1), pack(json(value), 9)), name).toEqual([]);
      expect(compare(pack(json(value), 1), pack(json({ ...value, total: 13 }), 1)), name).toEqual(['write_changed .value.total']);
      expect(compare(pack(json(value), 1), json(value)), `${name} or not`).toEqual(['write_changed .value']);
    }
    expect(compare(packings[0]?.[1](json(value), 1) ?? '', packings[1]?.[1](json(value), 1) ?? '')).toHaveLength(1);
  });
  it('are bytes where they only look compressed, or are followed by something', () => {
    const packed = byteString(gzipSync('x'));
    for (const [a, b] of [[`${packed}\0`, `${packed}\0\0`], ['\x1f\x8b\x08\0\x01', '\x1f\x8b\x08\0\x02'], ['x\x9c\xff\0\0\0\0\0', 'x\x9c\xff\0\0\0\0\x01']] as const) expect(compare(a, b)).toHaveLength(1);
  });
});

describe('signed values', () => {
  const [idA, idB] = ['0b6d2b1c-3b1e-4c6f-9a6e-3f2b8c1e9d7a', '7c1e2f3a-9b8d-4e5f-8a7b-1c2d3e4f5a6b'];
  const hmac = (text: string, secret: string): Buffer => createHmac('sha256', secret).update(text).digest();
  const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64url');
  const time = (seconds: number): string => base64(Buffer.from(seconds.toString(16).padStart(8, '0'), 'hex'));
  const base62 = (seconds: number): string => {
    let [text, rest] = ['', seconds];
    for (; rest > 0; rest = Math.floor(rest / 62)) text = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[rest % 62] + text;
    return text;
  };
  const sign = (text: string, secret: string, separator = '.'): string => `${text}${separator}${base64(hmac(text, secret))}`;
  const signers: Record<string, (session: { id: string; role?: string }, secret?: string, seconds?: number) => string> = {
    jwt: (session, secret = 's') => sign(`${base64('{"alg":"HS256"}')}.${base64(json(session))}`, secret),
    bearer: (session, secret = 's') => `Bearer ${sign(`${base64('{"alg":"HS256"}')}.${base64(json(session))}`, secret)}`,
    flask: (session, secret = 's', seconds = 1_700_000_000) => sign(`${base64(json(session))}.${time(seconds)}`, secret),
    'flask, compressed': (session, secret = 's', seconds = 1_700_000_000) => sign(`.${base64(deflateSync(json(session)))}.${time(seconds)}`, secret),
    django: (session, secret = 's', seconds = 1_700_000_000) => sign(`${base64(json(session))}:${base62(seconds)}`, secret, ':'),
    express: (session, secret = 's') => `s:${json(session)}.${hmac(json(session), secret).toString('base64').replace(/=+$/, '')}`,
    rails: (session, secret = 's') => {
      const text = Buffer.from(`\x04\x08{"${json(session)}`, 'latin1').toString('base64');
      return `${text}--${hmac(text, secret).toString('hex')}`;
    },
  };
  it('may have another signature where what is signed differs in nothing but ids', () => {
    for (const [name, signed] of Object.entries(signers)) expect(compare(signed({ id: idA }), signed({ id: idB })), name).toEqual([]);
    const sets = ['jwt', 'flask', 'express'].map((name) => [signers[name]?.({ id: idA }) ?? '', signers[name]?.({ id: idB }) ?? ''] as const);
    for (const [a, b] of sets) expect(compareOutcomes(outcomeOf({ effects: [effectOf('s', setOf(a), { parts: [utf8ByteString(a)] })] }), outcomeOf({ effects: [effectOf('s', setOf(b), { parts: [utf8ByteString(b)] })] }))).toEqual([]);
  });
  it('differ where what is signed does', () => {
    for (const [name, signed] of Object.entries(signers)) expect(compare(signed({ id: idA, role: 'user' }), signed({ id: idB, role: 'root' })).length, name).toBeGreaterThan(0);
  });
  it('differ where only the signature does: that is another secret', () => {
    for (const [name, signed] of Object.entries(signers)) expect(compare(signed({ id: idA }), signed({ id: idA }, 'other')), name).toEqual(['write_changed .value.signature']);
  });
  it('say when they were signed', () => {
    for (const name of ['flask', 'flask, compressed', 'django']) expect(compare(signers[name]?.({ id: idA }) ?? '', signers[name]?.({ id: idA }, 's', 1_700_000_009) ?? ''), name).toEqual(['write_changed .value.signed']);
  });
});
