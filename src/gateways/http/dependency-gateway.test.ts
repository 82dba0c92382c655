import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { HttpDependencyGateway } from './dependency-gateway.ts';
import type { DependencyAnswer, DependencyCall } from './dependency-gateway.ts';
import { forwardTo } from './forward-to.ts';
import { ReplayClient } from './replay-client.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function upstream(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

interface Bench {
  readonly gateway: HttpDependencyGateway;
  readonly client: ReplayClient;
  readonly calls: DependencyCall[];
}

async function bench(answer: (call: DependencyCall) => Promise<DependencyAnswer | null>): Promise<Bench> {
  const calls: DependencyCall[] = [];
  const gateway = new HttpDependencyGateway({
    dependency: 'catalogue',
    handle: (call) => {
      calls.push(call);
      return answer(call);
    },
  });
  const address = await gateway.listen('lane-1', { host: '127.0.0.1', port: 0 });
  const client = new ReplayClient(address, { connections: 2 });
  closers.push(() => gateway.close(), () => client.close());
  return { gateway, client, calls };
}

test('recording: the call goes to the real one, with its tag taken off', async () => {
  let host: string | undefined;
  const base = await upstream((request, response) => {
    host = request.headers.host;
    response.sendDate = false;
    request.on('data', () => {});
    request.on('end', () => {
      response.writeHead(207, ['X-Up', '1', 'x-up', '2']);
      response.end(`${request.method} ${request.url} ${String(request.headers['x-foreshard-context'])}`);
    });
  });
  const forward = forwardTo(`${base}/api/`);
  closers.push(() => forward.close());
  const { client, calls, gateway } = await bench(forward);
  const response = await client.send({
    method: 'POST', target: '/product/7?x=1', headers: [['Host', 'catalogue:8000'], ['x-foreshard-context', 'r000042'], ['A', 'b']], body: Buffer.from('q'),
  });
  expect(response.status).toBe(207);
  expect(response.body.toString()).toBe('POST /api/product/7?x=1 undefined');
  expect(response.headers.slice(0, 2)).toEqual([['X-Up', '1'], ['x-up', '2']]);
  expect(`http://${host}`).toBe(base);
  expect(calls[0]).toMatchObject({ lane: 'lane-1', tag: 'r000042', dependency: 'catalogue', method: 'POST', target: '/product/7?x=1' });
  expect(calls[0]?.headers.map(([name]) => name)).toEqual(['host', 'connection', 'A', 'content-length']);
  expect(calls[0]?.body.toString()).toBe('q');
  expect(gateway.pending('lane-1')).toBe(0);
  expect(gateway.activity('lane-1')).toBe(3);
});

test('replay: answers from what is known, 502 where nothing is', async () => {
  const { client } = await bench(async (call) => (call.target === '/known' ? { status: 200, headers: [['Transfer-Encoding', 'chunked'], ['ETag', 'x']], body: Buffer.from('kept') } : null));
  const known = await client.send({ method: 'GET', target: '/known', headers: [], body: null });
  expect(known.body.toString()).toBe('kept');
  expect(known.headers).toEqual(expect.arrayContaining([['ETag', 'x'], ['content-length', '4']]));
  const unknown = await client.send({ method: 'GET', target: '/unknown', headers: [], body: null });
  expect(unknown.status).toBe(502);
  expect(JSON.parse(unknown.body.toString())).toEqual({ error: 'foreshard: no recorded answer of catalogue to GET /unknown', code: 'upstream_unreachable' });
});

test('an upstream that is away is a 502 and a coded error for the recorder', async () => {
  const failures: unknown[] = [];
  const forward = forwardTo('http://127.0.0.1:9');
  closers.push(() => forward.close());
  const { client } = await bench((call) => forward(call).catch((error: unknown) => {
    failures.push(error);
    throw error;
  }));
  const response = await client.send({ method: 'GET', target: '/', headers: [], body: null });
  expect(response.status).toBe(502);
  expect(failures[0]).toMatchObject({ code: 'upstream_unreachable', message: expect.stringContaining('catalogue at 127.0.0.1:9') });
  expect(() => forwardTo('ftp://x')).toThrow(/http or https/);
});

test('open calls are pending until they are answered; HEAD and 304 keep their length', async () => {
  let release: () => void = () => {};
  const { client, gateway } = await bench(async (call) => {
    if (call.method !== 'HEAD' && call.target !== '/304') {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    }
    return { status: call.target === '/304' ? 304 : 200, headers: [['content-length', '12']], body: Buffer.alloc(0) };
  });
  const waiting = client.send({ method: 'GET', target: '/', headers: [], body: null });
  await expect.poll(() => gateway.pending('lane-1')).toBe(1);
  release();
  await waiting;
  await expect.poll(() => gateway.pending('lane-1')).toBe(0);
  expect((await client.send({ method: 'HEAD', target: '/', headers: [], body: null })).headers).toContainEqual(['content-length', '12']);
  expect((await client.send({ method: 'GET', target: '/304', headers: [], body: null })).status).toBe(304);
});
