import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeValue, encodeValue } from '../model/element-codec.ts';
import { sampleManifest, sampleRequest, sampleRevision } from '../testing/recording-samples.ts';
import { openRecording } from './open-recording.ts';
import { decodeHeader, headerBytes } from './pack.ts';
import { Pseudonyms } from './pseudonym.ts';
import { RecordingWriter } from './recording-writer.ts';
import { Redactor } from './redact.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const body = (content: string): Buffer => Buffer.from(content, 'utf8');

describe('a pseudonym', () => {
  test('has the length and shape of its secret, and is not it', () => {
    const pseudonyms = new Pseudonyms();
    fc.assert(fc.property(fc.string({ unit: 'grapheme-ascii', minLength: 4 }).filter((secret) => /[A-Za-z0-9]{4}/.test(secret)), (secret) => {
      const shape = (value: string): string => value.replace(/[0-9]/g, 'd').replace(/[a-ce-z]/g, 'd').replace(/[A-Z]/g, 'U');
      const pseudonym = pseudonyms.of(secret);
      expect(shape(pseudonym)).toBe(shape(secret));
      expect(pseudonym).not.toBe(secret);
      expect(pseudonyms.of(secret)).toBe(pseudonym);
      expect(pseudonyms.of(pseudonym)).toBe(pseudonym);
    }));
  });

  test('of a UUID is a UUID, of a number a number, of UTF-8 is ASCII', () => {
    const pseudonyms = new Pseudonyms();
    expect(pseudonyms.of('0b7d2a44-9c1e-4f0a-8f52-3d1f2e9a7c55')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(pseudonyms.of('4111111111111111')).toMatch(/^[1-9]\d{15}$/);
    expect(pseudonyms.of(body('Jürgen').toString('latin1'))).toMatch(/^[A-Z][a-z]{6}$/);
  });

  test('differs from recording to recording', () => {
    expect(new Pseudonyms().of('correct horse battery')).not.toBe(new Pseudonyms().of('correct horse battery'));
  });
});

describe('redaction', () => {
  test('replaces what JSONPaths name in bodies and in the state, equally', () => {
    const redactor = new Redactor({ jsonPaths: ['$..password', "$['odd name'][0]", '$.card'] });
    const content = JSON.stringify({ user: { password: 'hunter2hunter2', name: 'ann' }, card: { number: 4111111111111111, cvc: '123' }, 'odd name': ['sésame', 1] });
    const redacted = JSON.parse(text(redactor.payload(body(content)))) as Record<string, Record<string, unknown>>;
    expect(redacted['user']?.['name']).toBe('ann');
    expect(redacted['user']?.['password']).toMatch(/^[a-z]{6}\d[a-z]{6}\d$/);
    expect(typeof redacted['card']?.['number']).toBe('number');
    expect(JSON.stringify(redacted)).not.toMatch(/hunter2|4111111111111111|sésame|"123"/);
    const state = decodeValue(redactor.payload(encodeValue({ type: 'hash', fields: [['json', body(content).toString('latin1')]] })));
    expect(state.type === 'hash' && state.fields[0]?.[1]).toBe(Buffer.from(redactor.payload(body(content))).toString('latin1'));
  });

  test('leaves the bytes of what no rule touches alone', () => {
    const redactor = new Redactor({ jsonPaths: ['$.secret'], patterns: [{ pattern: 'TOKEN-\\w+' }], headers: ['cookie'] });
    for (const bytes of [body('{ "a" : 1.0,\n "b":"\\u0041" }'), Buffer.from([0, 255, 0x1f, 0x8b, 3]), gzipSync('plain'), Buffer.alloc(0)]) {
      expect(Buffer.from(redactor.payload(bytes)).equals(bytes)).toBe(true);
    }
  });

  test('sees through compression, escapes and percent-encoding', () => {
    const redactor = new Redactor({ patterns: [{ pattern: '[\\w.]+@example\\.com' }] });
    const json = '{"mail":"ann@example.com","escaped":"bob\\u0040example.com"}';
    for (const [compress, decompress] of [[gzipSync, gunzipSync], [brotliCompressSync, brotliDecompressSync]] as const) {
      const out = text(decompress(redactor.payload(compress(json))));
      expect(out).not.toMatch(/ann|bob/);
      expect(JSON.parse(out)).toHaveProperty('mail');
    }
    const line = redactor.line(sampleRequest(1, { request: { method: 'GET', target: '/u?mail=ann%40example.com&x=1', headers: [], body: null } }));
    const { target } = (line as ReturnType<typeof sampleRequest>).request;
    expect(decodeURIComponent(target)).toMatch(/^\/u\?mail=[a-z]{3}@[a-z]{7}\.[a-z]{3}&x=1$/);
    expect(target).not.toContain('ann');
    expect(text(redactor.payload(body('mail=ann%40example.com&n=2')))).not.toContain('ann');
  });

  test('keeps cookies parsable and lets a session id still find its element', () => {
    const redactor = new Redactor({ headers: ['Cookie', 'authorization', 'SET-COOKIE'], patterns: [{ pattern: 'session:(\\w+)' }] });
    const line = redactor.line(sampleRequest(1, {
      request: { method: 'GET', target: '/', headers: [['cookie', 'sid=abc123def; theme=dark'], ['Authorization', 'Bearer abc123def']], body: null },
      response: { status: 200, headers: [['Set-Cookie', 'sid=abc123def; Path=/; HttpOnly']], body: null },
      touches: [{ key: 'redis:0/session:abc123def', revision: 1, read: true, written: false }],
    })) as ReturnType<typeof sampleRequest>;
    const token = /^sid=(\w+); theme=\w{4}$/.exec(line.request.headers[0]?.[1] ?? '')?.[1];
    expect(token).toMatch(/^[a-f0-9]{9}$/);
    expect(line.request.headers[1]?.[1]).toBe(`Bearer ${token}`);
    expect(line.response?.headers[0]?.[1]).toBe(`sid=${token}; Path=/; HttpOnly`);
    expect(line.touches[0]?.key).toBe(`redis:0/session:${token}`);
  });

  test('replaces the values of secret keys, JSON by its leaves', () => {
    const redactor = new Redactor({ keys: ['redis:0/vault:*', 'pin:?', 'a.b[c]'] });
    const put = (key: string, value: string): string => {
      const out = decodeValue(redactor.payload(encodeValue({ type: 'string', value }), key));
      return out.type === 'string' ? out.value : '';
    };
    expect(JSON.parse(put('redis:0/vault:1', '{"a":"secret","b":[true,77]}'))).toEqual({ a: expect.stringMatching(/^[a-z]{6}$/) as string, b: [true, expect.any(Number) as number] });
    expect(put('redis:0/pin:7', '9182')).not.toBe('9182');
    expect(put('redis:0/pin:77', '9182')).toBe('9182');
    expect(put('redis:0/a.b[c]', '9182')).not.toBe('9182');
    expect(put('redis:0/axb[c]', '9182')).toBe('9182');
    expect(() => redactor.payload(encodeValue({ type: 'string', value: 'x' }))).toThrow(/needs the key/);
  });

  test('corrects content-length to the redacted body', () => {
    const redactor = new Redactor({ patterns: [{ pattern: 'secret', replace: '-' }] });
    const ref = { hash: '0'.repeat(64), sizeBytes: 3 };
    const line = redactor.line(sampleRequest(1, { request: { method: 'POST', target: '/', headers: [['Content-Length', '8']], body: ref } })) as ReturnType<typeof sampleRequest>;
    expect(line.request.headers).toEqual([['Content-Length', '3']]);
  });

  test('refuses rules that are none', () => {
    expect(() => new Redactor({ patterns: [{ pattern: '(' }] })).toThrow(expect.objectContaining({ code: 'config_invalid' }) as Error);
    expect(() => new Redactor({ jsonPaths: ['password'] })).toThrow(expect.objectContaining({ code: 'config_invalid' }) as Error);
  });
});

test('no secret byte is in any file of the folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'foreshard-redact-'));
  try {
    const secret = 'S3cr3tT0kenValue';
    const redact = new Redactor({ patterns: [{ pattern: secret }], jsonPaths: ['$.pw'], headers: ['x-api-key'] });
    const writer = await RecordingWriter.create(folder, { ...sampleManifest, service: { ...sampleManifest.service, env: { KEY: secret }, command: ['run', `--key=${secret}`] } }, { redact });
    const filler = 'lorem ipsum '.repeat(400);
    const key = `redis:0/session:${secret}`;
    const value = writer.payload(encodeValue({ type: 'set', members: [secret, `${filler}${secret}`] }), key);
    const content = writer.payload(body(JSON.stringify({ pw: 'hunter2', list: [secret, filler], name: `x${secret}y` })));
    const zipped = writer.payload(gzipSync(`${filler}${secret}`));
    writer.append(sampleRevision(key, 1, value));
    const message = { method: 'GET', target: `/${secret}?t=${secret}`, headers: [['x-api-key', 'hunter2'], ['referer', `/x/${secret}`]] as const, body: content };
    writer.append(sampleRequest(1, {
      request: message, response: { status: 200, headers: message.headers, body: zipped },
      touches: [{ key, revision: 1, read: true, written: true }], writes: [{ key, revision: 1 }],
      calls: [{ dependency: 'd', request: message, response: null, position: 1, durationMs: 1 }],
      hints: [{ command: 'SPOP', args: [secret], database: 0, outcome: [secret] }],
      problems: [{ code: 'x', message: `about ${secret}`, key }],
    }));
    writer.append({ kind: 'loss', code: 'x', message: secret, count: 1, position: 1 });
    await writer.close({ kind: 'end', position: 3, requests: 1, at: 0 });
    const everything = await plaintextOf(folder);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain('hunter2');
    expect(everything).toContain('lorem ipsum'); // so the payloads really were looked into
    const recording = await openRecording(folder);
    expect(recording.chains.has(recording.requests[0]?.touches[0]?.key ?? '')).toBe(true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

/** Every file of the folder, packs and gzipped payloads opened. */
async function plaintextOf(folder: string): Promise<string> {
  let out = '';
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    out += bytes.toString('latin1');
    for (let at = 0; entry.name.endsWith('.pack') && at < bytes.length;) {
      const found = decodeHeader(bytes.subarray(at, at + headerBytes), at);
      if (found === undefined) throw new Error('the pack is damaged');
      const stored = bytes.subarray(found.offset, found.offset + found.storedBytes);
      const payload = found.deflated ? inflateRawSync(stored) : stored;
      out += (payload[0] === 0x1f ? gunzipSync(payload) : payload).toString('latin1');
      at = found.offset + found.storedBytes;
    }
  }
  return out;
}
