import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { Validator } from '@seriousme/openapi-schema-validator';
import * as fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { ReplyParser } from '../gateways/redis/resp-parser.ts';
import { encodeCommand } from '../gateways/redis/resp-encoder.ts';
import { byteString } from '../lib/bytes.ts';
import { contentHash } from '../lib/content-hash.ts';
import { slotOf } from '../model/directory.ts';
import { revisionOf, stateNodeCases } from '../testing/state-node-cases.ts';
import { ElementApi } from './element-api.ts';
import { EmbeddedStateNode } from './embedded-state-node.ts';
import { ForeshardStateNode } from './foreshard-state-node.ts';
import { decodeKey, encodeKey, servedRoutes } from './node-http-routes.ts';
import { NodeServer, type NodeAddresses } from './node-server.ts';
import { openApiDocument } from './openapi.ts';
import { prometheusText } from './prometheus-text.ts';
import type { SlotEntry } from './slot-register.ts';
import type { StateNode } from './state-node.ts';

const equal = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);
const opened: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

interface Started extends NodeAddresses {
  readonly server: NodeServer;
  readonly url: string;
}

async function start(options: { readonly maxBytes?: number; readonly life?: string; readonly port?: number } = {}): Promise<Started> {
  const server = new NodeServer({
    id: 'node-1', life: options.life ?? randomBytes(4).toString('hex'), maxBytes: options.maxBytes ?? 2 ** 30, version: '0.0.0',
    onInternalError: (error) => {
      throw error;
    },
  });
  const addresses = await server.listen({ host: '127.0.0.1', port: options.port ?? 0 }, { host: '127.0.0.1', port: 0 });
  opened.push(() => server.close());
  return { server, ...addresses, url: `http://127.0.0.1:${addresses.http?.port}` };
}

/** A node with its client; closing the client closes the server, so that each case has its own. */
async function startWithClient(options: Parameters<typeof start>[0] = {}): Promise<Started & { readonly client: ForeshardStateNode }> {
  const started = await start(options);
  const client = await ForeshardStateNode.connect({ id: 'node-1', ...started.resp });
  opened.push(() => client.close());
  return { ...started, client };
}

/** A RESP connection as thin as one can be. */
class RawClient {
  readonly socket: Socket;
  readonly replies: unknown[] = [];
  readonly #parser = new ReplyParser((reply) => this.replies.push(reply));
  isClosed = false;

  constructor(port: number) {
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.on('data', (chunk) => this.#parser.push(chunk));
    this.socket.on('error', () => {});
    this.socket.once('close', () => (this.isClosed = true));
    opened.push(async () => void this.socket.destroy());
  }

  async take(count: number): Promise<unknown[]> {
    while (this.replies.length < count && !this.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
    return this.replies.splice(0, count);
  }

  async ask(...args: string[]): Promise<unknown> {
    this.socket.write(encodeCommand(args), 'latin1');
    return (await this.take(1))[0];
  }
}

const message = (text: string): unknown => expect.objectContaining({ message: expect.stringContaining(text) as string }) as unknown;

describe('foreshard node with its client', () => {
  const startedFor = new Map<StateNode, { started: Started; readonly maxBytes: number | undefined }>();
  stateNodeCases({
    open: async ({ maxBytes }) => {
      const started = await startWithClient(maxBytes === undefined ? {} : { maxBytes });
      startedFor.set(started.client, { started, maxBytes });
      return started.client;
    },
    second: async (node) => {
      const client = await ForeshardStateNode.connect({ id: 'node-1', ...(startedFor.get(node) as { started: Started }).started.resp });
      opened.push(() => client.close());
      return client;
    },
    forget: async (node) => {
      const { started, maxBytes } = startedFor.get(node) as { started: Started; maxBytes: number | undefined };
      await started.server.close();
      const again = await start({ port: started.resp.port, ...maxBytes === undefined ? {} : { maxBytes } });
      const client = await ForeshardStateNode.connect({ id: 'node-1', ...again.resp });
      opened.push(() => client.close());
      startedFor.set(client, { started: again, maxBytes });
      return client;
    },
  }, { test, equal });

  test('passes on errors by code', async () => {
    const { client, resp } = await startWithClient({ maxBytes: 10 });
    await expect(client.write([revisionOf('redis:0/a', 1, Buffer.alloc(11))])).rejects.toMatchObject({ code: 'state_node_full', message: expect.stringContaining('holds 0 of 10 bytes') as string, hint: expect.stringContaining('memory') as string });
    await expect(client.write([{ key: 'redis:0/a', revision: 1, bytes: Buffer.from('x'), hash: contentHash(Buffer.from('y')) }])).rejects.toMatchObject({ code: 'payload_corrupt' });
    await expect(client.write([{ key: 'redis:0/a', revision: 1, bytes: Buffer.alloc(64 * 2 ** 20 + 1), hash: '' }])).rejects.toMatchObject({ code: 'payload_too_large' });
    await expect(client.apply('another', [])).rejects.toMatchObject({ code: 'state_node_restarted' });
    expect(await client.read([{ key: 'redis:0/a', revision: 1 }])).toEqual([undefined]);
    expect(await client.stats()).toMatchObject({ id: 'node-1', elements: 0 });
    await expect(ForeshardStateNode.connect({ id: 'x', host: '127.0.0.1', port: await closedPort() })).rejects.toMatchObject({ code: 'state_node_unreachable' });
    const raw = new RawClient(resp.port);
    expect(await raw.ask('FS.WRITE', '1 a', '0'.repeat(64), 'bytes')).toEqual(message('PAYLOAD_CORRUPT'));
  });

  test('runs operations on registers under the name of the caller, every byte of keys kept', async () => {
    const { client, resp } = await startWithClient();
    const life = await client.life();
    const key = `redis:0/${byteString(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)))}`;
    const entry: SlotEntry = { incarnation: 0, epoch: 1, own: [`other-name@${life}`], old: [], joining: [], pull: 0 };
    const byOther = await ForeshardStateNode.connect({ id: 'other-name', ...resp });
    opened.push(() => byOther.close());
    const swap = { op: 'swap', slot: slotOf(key), entry, swaps: [{ key, expected: null, next: '{"é":"\u{1F600}"}' }] } as const;
    expect(await client.apply(life, [swap])).toMatchObject([{ status: 'ok', active: false }]);
    expect(await byOther.apply(life, [{ op: 'read', slot: slotOf(key), entry, keys: [key] }, swap])).toMatchObject([
      { status: 'ok', active: true, heads: [{ key, head: '{"é":"\u{1F600}"}' }] }, { status: 'changed' },
    ]);
  });

  test('gives a revision only with the contents that are asked for', async () => {
    const { client } = await startWithClient();
    const item = revisionOf('redis:0/a', 1, Buffer.from('abc'));
    await client.write([item]);
    expect(await client.read([item, { ...item, hash: contentHash(Buffer.from('x')) }])).toEqual([item.bytes, undefined]);
  });

  test('a payload that was changed in its memory is not given', async () => {
    const { client, server, url } = await startWithClient();
    const bytes = Buffer.from('abc');
    await server.node.write([revisionOf('redis:0/a', 1, bytes)]);
    bytes[0] = 0x58;
    expect(await client.read([{ key: 'redis:0/a', revision: 1 }])).toEqual([undefined]);
    expect((await client.stats()).errors).toBe(1);
    const answer = await fetch(`${url}/elements/redis:0/a?revision=1`);
    expect([answer.status, await answer.json()]).toMatchObject([500, { code: 'payload_corrupt' }]);
  });

  test('a node that was started again has another life; the client finds its way back', async () => {
    const first = await startWithClient();
    const life = await first.client.life();
    await first.client.write([revisionOf('redis:0/a', 1, Buffer.from('abc'))]);
    await first.server.close();
    await expect(first.client.read([{ key: 'redis:0/a', revision: 1 }])).rejects.toMatchObject({ code: 'state_node_unreachable', message: expect.stringContaining(String(first.resp.port)) as string });
    await start({ port: first.resp.port });
    expect(await first.client.read([{ key: 'redis:0/a', revision: 1 }])).toEqual([undefined]);
    await expect(first.client.apply(life, [{ op: 'look', slot: 1 }])).rejects.toMatchObject({ code: 'state_node_restarted' });
    expect(await first.client.life()).not.toBe(life);
  });

  test('payloads of 64 MB', async () => {
    const { client } = await startWithClient();
    const large = revisionOf('redis:0/large', 1, Buffer.alloc(64 * 2 ** 20, 0xfe));
    await client.write([large]);
    const [found] = await client.read([large]);
    expect(Buffer.compare(found ?? Buffer.alloc(0), large.bytes)).toBe(0);
  }, 60_000);

  test('something else that listens is named', async () => {
    const other = createServer((socket) => socket.on('data', () => socket.write("-ERR unknown command 'FS.LIFE'\r\n")));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    await expect(ForeshardStateNode.connect({ id: 'x', host: '127.0.0.1', port })).rejects.toMatchObject({ code: expect.stringMatching(/state_node_unreachable/) as string });
    await new Promise((resolve) => other.close(resolve));
  });
});

describe('over RESP', () => {
  test('elements are written, read, counted and taken away', async () => {
    const { resp } = await start();
    const raw = new RawClient(resp.port);
    const every = byteString(Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    expect(await raw.ask('SET', every, every)).toMatchObject({ text: 'OK' });
    expect(await raw.ask('get', every)).toBe(every);
    expect(await raw.ask('MGET', 'none', every)).toEqual([null, every]);
    expect([await raw.ask('STRLEN', every), await raw.ask('EXISTS', every, 'none', every), await raw.ask('DBSIZE')]).toEqual([256, 2, 1]);
    expect([await raw.ask('DEL', every, 'none'), await raw.ask('GET', every), await raw.ask('DBSIZE')]).toEqual([1, null, 0]);
    expect(await raw.ask('SET', 'k', 'v', 'NX')).toEqual(message('wrong number'));
    expect(await raw.ask('SET', '', 'v')).toEqual(message('USAGE A key of 0 bytes'));
    expect(await raw.ask('LPUSH', 'k', 'v')).toEqual(message("unknown command 'LPUSH k'"));
    for (const args of [['FS.READ', '1'], ['FS.READ', 'x k'], ['FS.READ', '99999999999999999 k'], ['FS.DROP', '1'], ['FS.WRITE', '1 k', 'x'], ['FS.LIST', '65536'], ['FS.DIGEST', '-1'], ['FS.APPLY', 'm', 'l', '{'], ['FS.APPLY', 'm', 'l', '{"op":"fence","slot":1}'], ['SELECT', '1']]) {
      expect(await raw.ask(...args)).toEqual(message('ERR '));
    }
  });

  test('pipelined commands run and answer in their order, whatever the chunks', async () => {
    const { resp } = await start();
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('SET', 'GET', 'DEL'), fc.constantFrom('a', 'b')), { maxLength: 20 }), fc.integer({ min: 1, max: 60 }), async (steps, cut) => {
      const raw = new RawClient(resp.port);
      await raw.ask('DEL', 'a', 'b');
      const model = new Map<string, string>();
      const expected = steps.map(([name, key], index) => {
        if (name === 'GET') return model.get(key) ?? null;
        if (name === 'DEL') return model.delete(key) ? 1 : 0;
        model.set(key, `v${index}`);
        return { text: 'OK' };
      });
      const text = steps.map(([name, key], index) => encodeCommand(name === 'SET' ? [name, key, `v${index}`] : [name, key])).join('');
      for (let at = 0; at < text.length; at += cut) raw.socket.write(text.slice(at, at + cut), 'latin1');
      expect(await raw.take(steps.length)).toEqual(expected);
      raw.socket.destroy();
    }), { numRuns: 30 });
  });

  test('a client that does not read is not read from, and gets all when it does', async () => {
    const { resp, server } = await start();
    await server.node.write([revisionOf('k', 1, Buffer.alloc(1024 * 1024, 1))]);
    const raw = new RawClient(resp.port);
    expect(await raw.ask('PING')).toMatchObject({ text: 'PONG' });
    raw.socket.pause();
    const command = encodeCommand(['FS.READ', '1 k']);
    for (let n = 0; n < 200; n++) raw.socket.write(command, 'latin1');
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { reads } = await server.node.stats();
    expect(reads).toBeLessThan(100);
    raw.socket.resume();
    expect((await raw.take(200)).length).toBe(200);
  });

  test('what is no RESP, or too long, ends the connection with a reason', async () => {
    const { resp } = await start();
    for (const text of ['*1\r\n$999999999\r\n', '*x\r\n', '*2\r\n$4\r\nECHO\r\n:1\r\n', `*9\r\n$3\r\nSET\r\n$${100 * 2 ** 20}\r\n`]) {
      const raw = new RawClient(resp.port);
      raw.socket.write(text);
      if (text.startsWith('*9')) raw.socket.write(`${'x'.repeat(100 * 2 ** 20)}\r\n$${128 * 2 ** 20}\r\n${'x'.repeat(128 * 2 ** 20)}\r\n$${100 * 2 ** 20}\r\n`);
      expect(await raw.take(1)).toEqual([message('Protocol error')]);
      while (!raw.isClosed) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const browser = new RawClient(resp.port);
    browser.socket.write('POST / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await browser.take(1)).toEqual([]);
  }, 60_000);

  test('a payload over 64 MB is refused by name', async () => {
    const { resp } = await start();
    const raw = new RawClient(resp.port);
    expect(await raw.ask('SET', 'k', 'x'.repeat(64 * 2 ** 20 + 1))).toEqual(message('PAYLOAD_TOO_LARGE'));
    expect(await raw.ask('FS.WRITE', '1 k', '0'.repeat(64), 'x'.repeat(64 * 2 ** 20 + 1))).toEqual(message('PAYLOAD_TOO_LARGE'));
    expect(await raw.ask('DBSIZE')).toBe(0);
  }, 60_000);

  test('HELLO, CLIENT REPLY, COMMAND, INFO and QUIT', async () => {
    const { resp } = await start();
    const raw = new RawClient(resp.port);
    expect(await raw.ask('HELLO', '3')).toMatchObject({ items: expect.arrayContaining(['proto', 3]) as unknown });
    expect(await raw.ask('GET', 'none')).toBeNull();
    expect(await raw.ask('COMMAND', 'COUNT')).toBeGreaterThan(10);
    expect(await raw.ask('COMMAND', 'INFO', 'get', 'none')).toEqual([expect.arrayContaining(['get', 2]), null]);
    expect(await raw.ask('INFO', 'memory')).toMatchObject({ text: expect.stringMatching(/^# Memory\r\nused_memory:0\r\n/) as string });
    raw.socket.write(['CLIENT REPLY OFF', 'PING one', 'CLIENT REPLY ON', 'CLIENT REPLY SKIP', 'PING two', 'PING three', 'QUIT', 'PING four'].join('\r\n') + '\r\n');
    expect(await raw.take(9)).toMatchObject([{ text: 'OK' }, 'three', { text: 'OK' }]);
    expect(raw.isClosed).toBe(true);
  });
});

describe('over HTTP', () => {
  test('elements are written, compared, listed and taken away', async () => {
    const { url } = await start();
    const at = `${url}/elements/redis:0/cart%3A7`;
    const put = (body: string, headers: Record<string, string> = {}): Promise<Response> => fetch(at, { method: 'PUT', body, headers });
    const created = await put('one', { 'if-none-match': '*' });
    const etag = created.headers.get('etag') ?? '';
    expect([created.status, etag, await created.json()]).toMatchObject([201, `"${contentHash(Buffer.from('one'))}"`, { key: 'redis:0/cart:7', path: '/elements/redis:0/cart:7', sizeBytes: 3 }]);
    expect((await put('two', { 'if-none-match': '*' })).status).toBe(412);
    expect((await put('two', { 'if-match': '"another"' })).status).toBe(412);
    expect((await put('one')).headers.get('foreshard-revision')).toBe(created.headers.get('foreshard-revision'));
    expect((await put('two', { 'if-match': etag })).status).toBe(200);
    expect((await put('three', { 'if-match': etag })).status).toBe(412);
    const read = await fetch(at);
    expect([read.status, await read.text(), read.headers.get('foreshard-hash')]).toEqual([200, 'two', contentHash(Buffer.from('two'))]);
    expect((await fetch(at, { headers: { 'if-none-match': read.headers.get('etag') ?? '' } })).status).toBe(304);
    const head = await fetch(at, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', '']);
    const before = await fetch(`${at}?revision=${created.headers.get('foreshard-revision')}`);
    expect([before.status, await before.text(), before.headers.get('cache-control')]).toEqual([200, 'one', 'max-age=31536000, immutable']);
    await put('three');
    expect((await fetch(`${at}?revision=${created.headers.get('foreshard-revision')}`)).status).toBe(404);
    expect((await fetch(at, { method: 'DELETE', headers: { 'if-match': etag } })).status).toBe(412);
    expect((await fetch(at, { method: 'DELETE' })).status).toBe(204);
    expect([(await fetch(at, { method: 'DELETE' })).status, (await fetch(at)).status]).toEqual([404, 404]);
    expect(await (await fetch(`${url}/stats`)).json()).toMatchObject({ elements: 0, bytes: 0 });
  });

  test('one of many compare-and-sets at a time succeeds', async () => {
    const { url } = await start();
    const at = `${url}/elements/counter`;
    await fetch(at, { method: 'PUT', body: '0' });
    const add = async (): Promise<void> => {
      for (;;) {
        const read = await fetch(at);
        const body = String(Number(await read.text()) + 1);
        if ((await fetch(at, { method: 'PUT', body, headers: { 'if-match': read.headers.get('etag') ?? '' } })).status === 200) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, add));
    expect(await (await fetch(at)).text()).toBe('20');
  });

  test('lists all keys, page by page', async () => {
    const { url, server } = await start();
    const keys = Array.from({ length: 25 }, (_, index) => byteString(Buffer.from([index * 10, 0x25, 0x2f, 0xff])));
    for (const key of keys) expect((await fetch(`${url}/elements/${encodeKey(key)}`, { method: 'PUT', body: key })).status).toBe(201);
    const found: { path: string }[] = [];
    for (let after: string | null = ''; after !== null;) {
      const page = await (await fetch(`${url}/elements?limit=7${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`)).json() as { elements: { path: string }[]; next: string | null };
      expect(page.elements.length).toBeLessThanOrEqual(7);
      found.push(...page.elements);
      after = page.next;
    }
    expect(found.map(({ path }) => decodeKey(path.slice('/elements/'.length))).sort()).toEqual([...keys].sort());
    for (const { path } of found) expect((await fetch(url + path)).status).toBe(200);
    const slot = slotOf(keys[0] as string);
    expect(await (await fetch(`${url}/elements?slot=${slot}`)).json()).toMatchObject({ elements: [{ path: `/elements/${encodeKey(keys[0] as string)}` }], next: null });
    expect((await server.node.stats()).elements).toBe(25);
  });

  test.each(([
    ['/', {}, 404, 'route_unknown'],
    ['/__proto__', {}, 404, 'route_unknown'],
    ['/elements/a', { method: 'POST' }, 405, 'method_not_allowed'],
    ['/metrics', { method: 'DELETE' }, 405, 'method_not_allowed'],
    ['/elements/a?revison=1', {}, 400, 'usage'],
    ['/elements/a?revision=-1', {}, 400, 'usage'],
    ['/elements/', {}, 400, 'usage'],
    ['/elements/%zz', {}, 400, 'usage'],
    [`/elements/${'a'.repeat(8193)}`, {}, 400, 'usage'],
    ['/elements?slot=65536', {}, 400, 'usage'],
    ['/elements?limit=0', {}, 400, 'usage'],
    ['/elements/none', {}, 404, 'element_not_found'],
    ['/elements/none?revision=1', {}, 404, 'element_not_found'],
    ['/elements/a', { method: 'PUT', body: Buffer.alloc(64 * 2 ** 20 + 1) }, 413, 'payload_too_large'],
    ['/elements/a', { method: 'PUT', body: 'x', headers: { 'content-digest': `sha-256=:${createHash('sha256').update('y').digest('base64')}:` } }, 400, 'payload_corrupt'],
    ['/elements/a', { method: 'PUT', body: Buffer.alloc(2000) }, 507, 'state_node_full'],
  ] satisfies [string, RequestInit, number, string][]).map(([path, init, status, code]) => ({ path, init, status, code, what: `${(init as RequestInit).method ?? 'GET'} ${path.slice(0, 40)}` })))('$what is refused: $status $code', async ({ path, init, status, code }) => {
    const { url } = await start({ maxBytes: 1000 });
    const answer = await fetch(url + path, init);
    expect([answer.status, await answer.json()]).toMatchObject([status, { code, message: expect.stringMatching(/.{10}/) as string }]);
  });

  test('a body whose Content-Digest is right is taken, one without a length that is too long is not', async () => {
    const { url } = await start();
    const headers = { 'content-digest': `md5=:x:, sha-256=:${createHash('sha256').update('x').digest('base64')}:` };
    expect((await fetch(`${url}/elements/a`, { method: 'PUT', body: 'x', headers })).status).toBe(201);
    const chunk = new Uint8Array(1024 * 1024);
    const stream = new ReadableStream({ start: (controller) => {
      for (let n = 0; n < 65; n++) controller.enqueue(chunk);
      controller.close();
    } });
    const answer = await fetch(`${url}/elements/b`, { method: 'PUT', body: stream, duplex: 'half' });
    expect([answer.status, await answer.json()]).toMatchObject([413, { code: 'payload_too_large' }]);
    expect((await fetch(`${url}/elements/b`)).status).toBe(404);
  }, 30_000);

  test('is described: every route served, and nothing else', async () => {
    const { url } = await start();
    const document = await (await fetch(`${url}/openapi.json`)).json() as { paths: Record<string, Record<string, unknown>> };
    expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument('0.0.0'))));
    expect(await new Validator().validate(document)).toEqual({ valid: true });
    const described = Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).filter((name) => name !== 'parameters').map((method) => `${method.toUpperCase()} ${path}`));
    expect([...described].sort()).toEqual([...servedRoutes].sort());
    for (const route of described) {
      const [method = '', path = ''] = route.split(' ');
      const answer = await fetch(url + path.replace('{key}', 'a'), { method, ...method === 'PUT' ? { body: 'x' } : {} });
      const operation = document.paths[path]?.[method.toLowerCase()] as { responses: Record<string, unknown> };
      expect(Object.keys(operation.responses), route).toContain(String(answer.status));
    }
  });
});

describe('a node that is part of a cluster', () => {
  const key = 'redis:0/a';
  async function inCluster(own: (life: string) => readonly string[], extra: Partial<SlotEntry> = {}): Promise<Started> {
    const started = await start();
    const { server, url } = started;
    expect((await fetch(`${url}/elements/${key}`, { method: 'PUT', body: 'alone' })).status).toBe(201);
    const life = await server.node.life();
    const entry: SlotEntry = { incarnation: 0, epoch: 1, own: own(life), old: [], joining: [], pull: 0, ...extra };
    expect(await server.node.apply(life, [{ op: 'fence', slot: slotOf(key), entry }])).toMatchObject([{ status: 'ok', heads: [{ key }] }]);
    return started;
  }
  const statuses = async (url: string): Promise<number[]> => [await fetch(`${url}/elements/${key}`), await fetch(`${url}/elements/${key}`, { method: 'PUT', body: 'x' }), await fetch(`${url}/elements/${key}`, { method: 'DELETE' })].map(({ status }) => status);

  test('takes no write by key, and is read only where it is active', async () => {
    const shared = await inCluster((life) => [`m1@${life}`, 'm2@9']);
    expect(await statuses(shared.url)).toEqual([200, 409, 409]);
    expect(await (await fetch(`${shared.url}/elements/${key}`, { method: 'PUT', body: 'x' })).json()).toMatchObject({ code: 'map_outdated', hint: expect.stringContaining('StateClient') as string });
    expect(await new RawClient(shared.resp.port).ask('SET', key, 'x')).toEqual(message('MAP_OUTDATED'));
    expect(await statuses((await inCluster(() => ['m2@9'])).url)).toEqual([409, 409, 409]);
    expect(await statuses((await inCluster((life) => [`m1@${life}`], { joining: [] })).url)).toEqual([200, 200, 204]);
    const joining = await inCluster((life) => [`m1@${life}`, 'm2@9']);
    const life = await joining.server.node.life();
    await joining.server.node.apply(life, [{ op: 'fence', slot: slotOf(key), entry: { incarnation: 0, epoch: 2, own: [`m1@${life}`], old: ['m2@9'], joining: [`m1@${life}`], pull: 1 } }]);
    expect(await statuses(joining.url)).toEqual([409, 409, 409]);
  });

  test('leaves a tombstone where a map has been', async () => {
    const { server, url } = await inCluster((life) => [`m1@${life}`]);
    expect((await fetch(`${url}/elements/${key}`, { method: 'DELETE' })).status).toBe(204);
    expect([server.node.headCount, (await fetch(`${url}/elements/${key}`)).status, ((await (await fetch(`${url}/elements`)).json()) as { elements: unknown[] }).elements]).toEqual([1, 404, []]);
    expect((await fetch(`${url}/elements/${key}`, { method: 'PUT', body: 'again', headers: { 'if-none-match': '*' } })).status).toBe(201);
  });
});

test('overwriting keeps the memory of two revisions', async () => {
  const node = new EmbeddedStateNode({ id: 'n', life: 'l' });
  const elements = new ElementApi(node, 'l', () => 0);
  for (let n = 0; n < 50; n++) await elements.put('k', Buffer.from(`value ${n % 7}`));
  expect(await node.stats()).toMatchObject({ elements: 2 });
  expect(byteString((await elements.read('k'))?.bytes ?? Buffer.alloc(0))).toBe('value 0');
  await elements.delete('k');
  expect([await node.stats(), node.headCount]).toMatchObject([{ elements: 0, bytes: 0 }, 0]);
});

test('a key comes back from its path, every byte', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const key = byteString(bytes);
    expect(decodeKey(encodeKey(key))).toBe(key);
    expect(new URL(`http://x/elements/a${encodeKey(key).replaceAll('.', '')}`).search).toBe('');
  }));
});

describe('metrics', () => {
  const installed = spawnSync('promtool', ['--version']).status === 0;
  if (!installed && process.env['CI'] !== undefined) throw new Error('promtool is not installed, and in CI nothing is skipped');
  if (!installed) console.warn('SKIPPED: promtool, which comes with prometheus');

  async function measured(): Promise<string> {
    const node = new EmbeddedStateNode({ id: 'a "quoted\\\nname"', maxBytes: 1000 });
    await node.write([revisionOf('k', 1, Buffer.from('abc'))]);
    for (let n = 0; n < 20; n++) await node.read([{ key: 'k', revision: 1 }, { key: 'k', revision: 2 }]);
    await expect(node.write([revisionOf('k', 2, Buffer.alloc(2000))])).rejects.toThrow('hold');
    return prometheusText([await node.stats(), { ...await new EmbeddedStateNode({ id: 'b' }).stats(), maxBytes: null }]);
  }

  test('say what was done', async () => {
    const text = await measured();
    const name = 'node="a \\"quoted\\\\\\nname\\""';
    for (const line of [`elements{${name}} 1`, `bytes{${name}} 3`, `max_bytes{${name}} 1000`, `reads_total{${name}} 40`, `hits_total{${name}} 20`, `writes_total{${name}} 1`, `errors_total{${name}} 1`, 'elements{node="b"} 0', `operation_errors_total{${name},operation="write"} 1`, `operation_duration_seconds_count{${name},operation="read"} 20`]) {
      expect(text.split('\n')).toContain(`foreshard_state_node_${line}`);
    }
    expect(text).not.toContain('max_bytes{node="b"}');
    const buckets = [...text.matchAll(/_bucket\{[^}]*operation="read",le="([^"]+)"\} (\d+)/g)].map(([, le = '', count]) => [le === '+Inf' ? Infinity : Number(le), Number(count)] as const);
    expect(buckets.map(([le]) => le)).toEqual(buckets.map(([le]) => le).sort((a, b) => a - b));
    expect(buckets.map(([, count]) => count)).toEqual(buckets.map(([, count]) => count).sort((a, b) => a - b));
    expect(buckets.at(-1)).toEqual([Infinity, 20]);
    expect(buckets.filter(([, count]) => count > 0 && count < 20).length + buckets.filter(([, count]) => count === 20).length).toBeGreaterThan(1);
  });

  test.skipIf(!installed)('promtool has nothing to object to', async () => {
    expect(spawnSync('promtool', ['check', 'metrics'], { input: await measured(), encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '', stderr: '' });
  });
});

async function closedPort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
