import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { connect } from 'node:net';
import { request } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openRecording } from '../src/recordings/open-recording.ts';
import { verdicts, Workshop } from './support/command-line.ts';
import { describeWith, redisServerPath, root, startRedis } from './support/example.ts';

const service = join(root, 'test/fixtures/failures/service.mjs');
const shop = new Workshop({ REDIS_URL: 'redis://127.0.0.1:6379' });
const started = ['--redis', 'embedded', '--', 'node', service];

afterAll(() => shop.remove());
afterEach(async () => {
  expect(await shop.leftBehindAfter(3_000), 'processes or temporary files that nobody ended').toEqual([]);
});

describe('a recording', () => {
  beforeAll(async () => {
    const ended = await shop.record(['-r', 'base', ...started], async (url) => {
      for (const name of ['apple', 'pear', 'plum', 'fig']) {
        await fetch(`${url}/item?name=${name}`, { method: 'PUT', body: `${name} ${randomBytes(600).toString('hex')}` });
        await fetch(`${url}/item?name=${name}`);
      }
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
  });

  /** A copy of the recording with something done to it. */
  function variant(name: string, damage: (folder: string) => void): string {
    cpSync(shop.path('base'), shop.path(name), { recursive: true });
    damage(shop.path(name));
    return name;
  }

  const segment = 'segments/000001.jsonl';
  const pack = 'payloads/000001.pack';
  const linesOf = (folder: string): string[] => readFileSync(join(folder, segment), 'utf8').split('\n');
  const setManifest = (folder: string, change: object): void => {
    const path = join(folder, 'manifest.json');
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, 'utf8')) as object), ...change }));
  };

  test.each<readonly [string, (folder: string) => void, RegExp]>([
    ['nowhere', (folder) => rmSync(folder, { recursive: true }), /recording_not_found There is no recording in .*nowhere .*hint .*foreshard record/s],
    ['an empty folder', (folder) => { rmSync(folder, { recursive: true }); mkdirSync(folder); }, /recording_not_found .*no manifest.json/],
    ['a file', (folder) => { rmSync(folder, { recursive: true }); writeFileSync(folder, ''); }, /recording_not_found/],
    ['from a later release', (folder) => setManifest(folder, { formatVersion: 99, service: 'something else' }), /recording_newer .*has format 99; this release reads up to 1.*hint .*later/s],
    ['with a manifest that is none', (folder) => writeFileSync(join(folder, 'manifest.json'), '{'), /recording_damaged .*manifest.json is not JSON/],
    ['with a manifest that lacks fields', (folder) => setManifest(folder, { service: { command: 'node' } }), /recording_damaged .*manifest.json is no manifest.*service.command/s],
    ['with garbage in the middle', (folder) => writeFileSync(join(folder, segment), linesOf(folder).with(3, '\u0000\u0001garbage').join('\n')), /recording_damaged .*000001.jsonl, line 4: not JSON.*hint/s],
    ['with a line missing from the middle', (folder) => writeFileSync(join(folder, segment), linesOf(folder).filter((line) => !line.includes('"r000002"') || !line.includes('"kind":"request"')).join('\n')), /recording_damaged .*ends after 8 requests by its last line, but holds 7/],
    ['with a segment missing', (folder) => writeFileSync(join(folder, 'segments/000003.jsonl'), ''), /recording_damaged .*000002.jsonl, line 1: the segment is missing/],
    ['with a pack that is none', (folder) => { writeFileSync(join(folder, pack), 'x'.repeat(9000)); rmSync(join(folder, 'payloads/000001.index')); }, /recording_damaged .*000001.pack, byte 0: no payload begins here/],
    ['with a kept run that is cut off', (folder) => truncateSync(join(folder, 'artefacts/control-1.jsonl.gz'), 300), /recording_damaged .*control-1.jsonl.gz.*hint .*Delete the file/s],
  ])('%s: exit code 2, where and what', async (name, damage, says) => {
    const folder = variant(name.replaceAll(' ', '-').replace('nowhere', 'nowhere-at-all'), damage);
    const ended = await shop.run(['replay', '-r', folder]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(new RegExp(says.source.replace('nowhere ', 'nowhere-at-all '), says.flags));
    expect(ended.stderr).not.toMatch(/\n {4}at /);
  });

  test('cut off in the middle of a line: read up to there, said, and replayed', async () => {
    const folder = variant('cut', (at) => truncateSync(join(at, segment), Math.floor(statSync(join(at, segment)).size * 0.6)));
    const listed = await shop.run(['list', '-r', folder]);
    expect(listed).toMatchObject({ code: 0 });
    expect(listed.stdout).toMatch(/not ended: .*whole up to r00000[3-6]/);
    const { code, report } = await shop.replay(['-r', folder]);
    expect(report.totals.same).toBe(report.requests);
    expect(report.requests).toBeLessThan(8);
    expect(report.notes.join('\n')).toMatch(/stopped in the middle/);
    expect(code).toBe(0);
  });

  test('with half of its payloads: what needs them is named case by case, the rest has its verdict', async () => {
    const folder = variant('half', (at) => truncateSync(join(at, pack), Math.floor(statSync(join(at, pack)).size / 2)));
    const { code, report, stderr } = await shop.replay(['-r', folder]);
    expect(code, stderr).toBe(3);
    expect(report.totals.same).toBeGreaterThan(0);
    expect(report.totals.error).toBeGreaterThan(0);
    expect(report.totals.same + report.totals.error, stderr).toBe(8);
    expect(new Set(Object.values(verdicts(report)))).toEqual(new Set(['same', 'error payload_missing']));
    expect(report.gate.of - report.gate.reproduced).toBe(report.gate.failures.length);
    expect((await shop.run(['inspect', 'r000007', '-r', folder])).stdout).toMatch(/is in no pack of the recording/);
  });

  test('with a byte that has changed: the case says that it is not what was recorded', async () => {
    const folder = variant('flipped', (at) => {
      const bytes = readFileSync(join(at, pack));
      const place = 700; // in the first value written
      bytes[place] = (bytes[place] as number) ^ 1;
      writeFileSync(join(at, pack), bytes);
    });
    const { code, report, stderr } = await shop.replay(['-r', folder]);
    expect(code, stderr).toBe(3);
    expect(Object.values(verdicts(report))).toContain('error payload_corrupt');
    expect(report.totals).toMatchObject({ same: 7, error: 1 });
  });

  test('that is being written, or may be by another machine, is left alone; the lock of a process that is gone is taken over', async () => {
    const folder = variant('locked', () => {});
    const lock = (owner: object): void => writeFileSync(shop.path(folder, 'lock'), JSON.stringify({ startTicks: null, token: 'x', ...owner }));
    for (const owner of [{ host: hostname(), pid: process.pid }, { host: 'elsewhere', pid: 1 }]) {
      lock(owner);
      const ended = await shop.run(['record', '-r', folder, '--overwrite', ...started]);
      expect(ended).toMatchObject({ code: 2 });
      expect(ended.stderr).toMatch(new RegExp(`error recording_locked .*process ${owner.pid} on ${owner.host}.*hint .*delete .*lock`, 's'));
    }
    lock({ host: hostname(), pid: 4_194_000 });
    const taken = await shop.record(['-r', folder, '--overwrite', '--no-control', ...started], (url) => fetch(`${url}/count`, { method: 'POST' }));
    expect(taken, taken.stderr).toMatchObject({ code: 0 });
    expect(existsSync(shop.path(folder, 'lock'))).toBe(false);
    expect(readdirSync(shop.path(folder)).sort()).toEqual(['manifest.json', 'payloads', 'segments']);
  });

  test.each<readonly [string, readonly string[], string, RegExp]>([
    ['exists', ['-r', 'base'], 'recording_exists', /There is a recording in .*base already.*hint .*--overwrite/s],
    ['is a folder of something else', ['-r', 'tmp', '--overwrite'], 'usage', /holds something that is no recording/],
    ['is below a file', ['-r', 'base/manifest.json/new'], 'recording_not_written', /cannot be recorded into: ENOTDIR.*hint/s],
  ])('whose place %s is not begun', async (_name, args, code, says) => {
    writeFileSync(shop.path('tmp', 'mine.txt'), 'do not touch');
    const ended = await shop.run(['record', ...args, ...started]);
    expect(readFileSync(shop.path('tmp', 'mine.txt'), 'utf8')).toBe('do not touch');
    shop.sweep();
    expect(ended.code).toBe(code === 'recording_not_written' ? 3 : 2);
    expect(ended.stderr).toContain(`error ${code} `);
    expect(ended.stderr).toMatch(says);
  });
});

/** Sends bytes as they are and gives back all that is answered. */
function talk(url: string, bytes: Uint8Array): Promise<string> {
  return new Promise((done) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString('latin1')));
    socket.on('error', () => {});
    socket.on('close', () => done(answer));
    socket.end(bytes);
  });
}

/** One request with headers that `fetch` would refuse. */
function exchange(url: string, method: string, path: string, headers: Record<string, string>, body?: Uint8Array): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; body: Buffer }> {
  return new Promise((done, fail) => {
    const sent = request(url + path, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    sent.on('error', fail);
    sent.end(body);
  });
}

describe('what comes over the wire', () => {
  test('is refused by its protocol where it is malformed, counted, and the rest goes on', async () => {
    const garbage = ['*1\r\n$-5\r\n', '*99999999999\r\n', '$3\r\nGET\r\n', '*1\r\n!bad\r\n', '\u0000\u0001\u0002\r\n', '*2\r\n$3\r\nGET\r\n$1\r\nabc\r\n'].map((text) => Buffer.from(text, 'latin1').toString('hex'));
    const answers: string[] = [];
    const ended = await shop.record(['-r', 'malformed', ...started], async (url) => {
      for (const bytes of garbage) answers.push(await fetch(`${url}/raw?key=${bytes}`, { method: 'POST' }).then((answer) => answer.text()));
      for (const bytes of ['SMTP\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: no\r\n\r\n', `GET / HTTP/1.1\r\nHost: x\r\nLong: ${'x'.repeat(300_000)}\r\n\r\n`]) {
        expect(await talk(url, Buffer.from(bytes))).toMatch(/^HTTP\/1.1 4(00|31) /);
      }
      expect((await fetch(`${url}/count`, { method: 'POST' })).status).toBe(200);
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(answers[0]).toMatch(/ERR Protocol error/);
    const listed = await shop.run(['list', '-r', 'malformed']);
    expect(listed.stdout).toMatch(/loss what came on connections to the ingress was not HTTP\/1.1 .*\(4\)/);
    expect(listed.stdout).toMatch(/POST \/count +1/);
    const { code, report, stderr } = await shop.replay(['-r', 'malformed']);
    expect(report.totals, stderr).toMatchObject({ same: 7 });
    expect(report.gate.reproduced, stderr).toBe(7);
    expect(code).toBe(0);
  });

  test('keeps every byte: keys, fields, values, headers, bodies', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const header = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte)).filter((char) => /[\t\u0020-\u007E\u0080-\u00FF]/.test(char)).join('').trim();
    const key = every.toString('hex');
    const answers: Awaited<ReturnType<typeof exchange>>[] = [];
    const ended = await shop.record(['-r', 'bytes', ...started], async (url) => {
      answers.push(await exchange(url, 'PUT', `/bytes?key=${key}`, {}, every));
      answers.push(await exchange(url, 'GET', `/bytes?key=${key}`, { 'x-bytes': header }));
      answers.push(await exchange(url, 'POST', '/echo', { 'x-bytes': header }, every));
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    expect(answers.slice(1).map(({ body, headers }) => [body.equals(every), headers['x-bytes'] === header])).toEqual([[true, true], [true, true]]);
    const { code, report, stderr } = await shop.replay(['-r', 'bytes', '--junit', 'bytes.xml']);
    expect(report.totals, stderr).toMatchObject({ same: 3 });
    expect(report.gate.reproduced, stderr).toBe(3);
    expect(code).toBe(0);
    const opened = await openRecording(shop.path('bytes'));
    const [put, get] = opened.requests;
    expect([...opened.chains.keys()]).toContain(`redis:0/${every.toString('latin1')}`);
    expect(Buffer.from(await opened.payload(put?.request.body?.hash as string)).equals(every)).toBe(true);
    expect(get?.request.headers.find(([name]) => name === 'x-bytes')?.[1]).toBe(header);
    await opened.close();
    const shown = await shop.run(['inspect', 'r000002', '-r', 'bytes']);
    expect(shown.stdout).toMatch(/\\x00\\x01\\x02/);
    expect(shown.stdout).not.toMatch(/[\u0000-\u0008\u000B\u000C\u000E-\u001A\u001C-\u001F]/);
  });
});

describeWith(redisServerPath !== undefined, 'redis-server')('64 MB', () => {
  test('as a request, a response and a value: recorded, replayed, compared and shown', async () => {
    const redis = await startRedis();
    const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}` };
    try {
      const large = Buffer.alloc(64 * 1024 * 1024, randomBytes(16_411)); // any bytes, and no day spent on compressing them
      const ended = await shop.record(['-r', 'large', '--redis', env.REDIS_URL, '--', 'node', service], async (url) => {
        const answer = await exchange(url, 'PUT', '/blob', {}, large);
        expect(answer.body.equals(large)).toBe(true);
      }, env);
      expect(ended, ended.stderr).toMatchObject({ code: 0 });
      const changed = await shop.replay(['-r', 'large', '--candidate', `node ${service} other-value`], env);
      expect(changed.report.gate, changed.stderr).toMatchObject({ reproduced: 1, of: 1 });
      expect(verdicts(changed.report)).toEqual({ 'PUT /blob': 'differs' });
      expect(changed.report.cases[0]?.differences.map(({ kind }) => kind).sort()).toEqual(['response', 'write_changed']);
      expect(changed.report.cases[0]?.differences[0]?.baseline).toMatch(/67108864 bytes, from byte 67108863 on/);
      expect(statSync(shop.path('large/artefacts/control-1.jsonl.gz')).size).toBeLessThan(300_000_000);
      expect(statSync(shop.path('large/report.html')).size).toBeLessThan(5_000_000);
    } finally {
      await redis.stop();
    }
  }, 180_000);
});

describe('redaction', () => {
  const secrets = ['hunter2-password', 'tok-8f3a9c', '4111-2222-3333', 'session-of-alice', 'deep-secret-77'];

  test('no secret is in any file, and the recording is replayed all the same', async () => {
    writeFileSync(shop.path('redact.json'), JSON.stringify({
      redact: { headers: ['authorization', 'x-bytes'], jsonPaths: ['$..password', '$.value.deep'], patterns: [{ pattern: 'card (\\d{4}-\\d{4}-\\d{4})' }, { pattern: '\\d{4}-\\d{4}-\\d{4}', replace: '0000-0000-0000' }], keys: ['item:session*'] },
    }));
    const ended = await shop.record(['--config', 'redact.json', '-r', 'redacted', ...started], async (url) => {
      const user = JSON.stringify({ name: 'alice', password: 'hunter2-password', note: 'card 4111-2222-3333' });
      await exchange(url, 'PUT', '/item?name=user', { authorization: 'Bearer tok-8f3a9c' }, Buffer.from(user));
      await exchange(url, 'GET', '/json?name=user', { 'x-bytes': 'deep-secret-77' });
      await exchange(url, 'PUT', '/item?name=session', { authorization: 'Bearer tok-8f3a9c' }, Buffer.from('{"password":"session-of-alice"}'));
      await exchange(url, 'GET', '/json?name=session', {});
      await exchange(url, 'PUT', '/item?name=4111-2222-3333', {}, Buffer.from('none'));
      await exchange(url, 'GET', '/item?name=4111-2222-3333', {});
    });
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    const { report, stderr } = await shop.replay(['--config', 'redact.json', '-r', 'redacted']);
    expect(report.totals, stderr).toMatchObject({ same: 6, error: 0, not_run: 0 });
    const texts = await everythingIn(shop.path('redacted'));
    expect(texts.length).toBeGreaterThan(10);
    for (const secret of secrets) expect(texts.filter((text) => text.includes(secret)), secret).toEqual([]);
    expect(texts.join('\n')).toContain('alice');
  });
});

/** The content of every file, of every payload in the packs, and of what is compressed. */
async function everythingIn(folder: string): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    texts.push(bytes.toString('latin1'));
    if (entry.name.endsWith('.gz')) texts.push(gunzipSync(bytes).toString('latin1'));
  }
  const opened = await openRecording(folder);
  const hashes = new Set<string>();
  for (const { request: asked, response } of opened.requests) for (const body of [asked.body, response?.body]) if (body) hashes.add(body.hash);
  for (const { revisions } of opened.chains.values()) for (const { hash } of revisions) if (hash !== null) hashes.add(hash);
  for (const hash of hashes) texts.push(Buffer.from(await opened.payload(hash)).toString('latin1'));
  await opened.close();
  return texts;
}
