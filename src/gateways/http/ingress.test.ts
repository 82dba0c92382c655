import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import type { IncomingMessage, RequestListener } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { ForeshardError } from '../../model/errors.ts';
import { HttpIngress } from './ingress.ts';
import type { CapturedExchange, IngressRequest } from './ingress.ts';

const closers: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Bench {
  readonly port: number;
  readonly captured: CapturedExchange[];
  readonly asked: IngressRequest[];
  readonly ingress: HttpIngress;
}

async function before(server: Server, { untouched = () => true, ...options }: { limitBytes?: number; headersTimeoutMs?: number; untouched?: () => boolean } = {}): Promise<Bench> {
  const servicePort = await start(server);
  const captured: CapturedExchange[] = [];
  const asked: IngressRequest[] = [];
  const ingress = new HttpIngress({
    ...options,
    choose: async (request) => {
      asked.push(request);
      return {
        host: '127.0.0.1', port: servicePort, extraHeaders: [['x-foreshard-context', 'r1;5;00']], untouched,
        onResponseDone: (exchange) => captured.push(exchange),
      };
    },
  });
  const { port } = await ingress.listen({ host: '127.0.0.1', port: 0 });
  closers.push(() => ingress.close());
  return { port, captured, asked, ingress };
}

const service = (listener: RequestListener): Server => createHttpServer(listener);

/** Sends raw bytes and gives back all that came until the server closed. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await delay(5);
  expect(condition()).toBe(true);
}

test('request and response pass unchanged, and are captured as they were', async () => {
  let seen: IncomingMessage | undefined;
  const bench = await before(service((request, response) => {
    seen = request;
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString('latin1');
    });
    request.on('end', () => {
      response.sendDate = false;
      response.writeHead(201, 'Made', ['X-b', '1', 'x-A', '2', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Content-Length', String(body.length)]);
      response.end(body);
    });
  }));
  const text = await raw(bench.port, 'POST /p?q=%2F HTTP/1.1\r\nHost: shop.example\r\nX-One: 1\r\nx-one: 2\r\nx-foreshard-context: spoofed\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc');
  expect(text).toMatch(/^HTTP\/1\.1 201 Made\r\nX-b: 1\r\nx-A: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 3\r\n/);
  expect(text.endsWith('\r\n\r\nabc')).toBe(true);
  expect(seen?.headers.host).toBe('shop.example');
  expect(seen?.rawHeaders.filter((word) => word === 'X-One' || word === 'x-one')).toEqual(['X-One', 'x-one']);
  expect(seen?.headers['x-foreshard-context']).toBe('r1;5;00');
  expect(bench.captured).toHaveLength(1);
  expect(bench.captured[0]).toMatchObject({ method: 'POST', target: '/p?q=%2F', status: 201, error: null, bodyTruncated: false, responseBodyTruncated: false });
  expect(bench.captured[0]?.headers.map(([name]) => name)).toEqual(['Host', 'X-One', 'x-one', 'Connection', 'Content-Length']);
  expect(bench.captured[0]?.body.toString()).toBe('abc');
  expect(bench.captured[0]?.responseBody.toString()).toBe('abc');
  expect(bench.captured[0]?.durationMs).toBeGreaterThan(0);
});

test('a connection that the service closes as the next request comes: sent again on a new one, unless it has been begun', async () => {
  let isTouched = false;
  const served: string[] = [];
  const bench = await before(createServer((socket) => {
    let requests = 0;
    socket.on('data', (data) => {
      if (++requests > 1) {
        socket.destroy();
        return;
      }
      served.push(data.toString('latin1').split(' ', 2).join(' '));
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok');
    });
  }), { untouched: () => !isTouched });
  const ask = (path: string): Promise<number> => fetch(`http://127.0.0.1:${bench.port}${path}`, { method: 'POST', body: 'x' }).then((answer) => answer.status);
  expect([await ask('/1'), await ask('/2')]).toEqual([200, 200]);
  expect(served).toEqual(['POST /1', 'POST /2']);
  expect(bench.captured.map(({ target, status, error }) => [target, status, error])).toEqual([['/1', 200, null], ['/2', 200, null]]);
  isTouched = true;
  expect([await ask('/3'), await ask('/4')]).toEqual([200, 502]);
  expect(bench.captured.at(-1)?.error?.code).toBe('service_died');
});

test('events pass one by one while the stream is open', async () => {
  let push: (text: string) => void = () => {};
  let end: () => void = () => {};
  const bench = await before(service((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    push = (text) => response.write(text);
    end = () => response.end();
  }));
  const socket = connect(bench.port, '127.0.0.1', () => socket.write('GET /events HTTP/1.1\r\nHost: a\r\n\r\n'));
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  await until(() => received.includes('text/event-stream'));
  push('data: 1\n\n');
  await until(() => received.includes('data: 1'));
  expect(bench.captured).toHaveLength(0);
  push('data: 2\n\n');
  await until(() => received.includes('data: 2'));
  end();
  await until(() => bench.captured.length === 1);
  expect(bench.captured[0]?.responseBody.toString()).toBe('data: 1\n\ndata: 2\n\n');
  socket.destroy();
});

test('big bodies stream both ways with back-pressure; the copies are bounded', async () => {
  const size = 24 * 1024 * 1024;
  const bench = await before(service((request, response) => {
    response.writeHead(200, { 'content-length': String(size) });
    request.pipe(response);
  }), { limitBytes: 1000 });
  const got = await new Promise<number>((resolve, reject) => {
    const request = httpRequest({ port: bench.port, host: '127.0.0.1', method: 'PUT', path: '/big', headers: { 'content-length': size } }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes % 7 === 0) {
          response.pause();
          setTimeout(() => response.resume(), 1);
        }
      });
      response.on('end', () => resolve(bytes));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(Buffer.alloc(size, 7));
  });
  expect(got).toBe(size);
  await until(() => bench.captured.length === 1);
  expect(bench.captured[0]).toMatchObject({ bodyTruncated: true, responseBodyTruncated: true, error: null });
  expect(bench.captured[0]?.body).toEqual(Buffer.alloc(1000, 7));
  expect(bench.captured[0]?.responseBody).toHaveLength(1000);
});

test('a slow reader slows the service down instead of filling memory', async () => {
  let written = 0;
  const bench = await before(service((_request, response) => {
    const chunk = Buffer.alloc(256 * 1024);
    const write = (): void => {
      while (written < 400 * chunk.length) {
        written += chunk.length;
        if (!response.write(chunk)) {
          response.once('drain', write);
          return;
        }
      }
      response.end();
    };
    write();
  }), { limitBytes: 10 });
  const socket = connect(bench.port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
  socket.pause();
  await until(() => written > 0);
  let last = -1;
  while (last !== written) {
    last = written;
    await delay(200);
  }
  expect(written).toBeLessThan(60 * 1024 * 1024);
  socket.destroy();
  await until(() => bench.captured.length === 1);
  expect(bench.captured[0]?.error?.code).toBe('client_aborted');
});

test('an early answer to a body that is still coming reaches the client', async () => {
  const bench = await before(service((_request, response) => {
    response.writeHead(413, { connection: 'close' });
    response.end('too big');
  }));
  const socket = connect(bench.port, '127.0.0.1', () => socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nstart'));
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  await until(() => received.includes('too big'));
  expect(received).toMatch(/^HTTP\/1\.1 413/);
  expect(bench.captured[0]).toMatchObject({ status: 413, error: null, bodyTruncated: true });
  socket.destroy();
});

test('a client that leaves is named; the service hears of it', async () => {
  let closed = false;
  const bench = await before(service((_request, response) => {
    response.on('close', () => {
      closed = true;
    });
  }));
  const socket = connect(bench.port, '127.0.0.1', () => socket.write('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'));
  await until(() => bench.asked.length === 1);
  await delay(20);
  socket.destroy();
  await until(() => bench.captured.length === 1);
  expect(bench.captured[0]).toMatchObject({ status: null, error: { code: 'client_aborted' } });
  await until(() => closed);
});

test('a crash before the answer is a coded 502, in the middle of it a cut', async () => {
  const bench = await before(service((request, response) => {
    if (request.url === '/middle') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('part', () => request.socket.destroy());
    } else {
      request.socket.destroy();
    }
  }));
  const refused = await raw(bench.port, 'GET /start HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(refused).toMatch(/^HTTP\/1\.1 502 /);
  expect(JSON.parse(refused.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'service_died', error: expect.stringContaining('foreshard: the service at 127.0.0.1:') });
  const cut = await raw(bench.port, 'GET /middle HTTP/1.1\r\nHost: a\r\n\r\n');
  expect(cut.endsWith('part')).toBe(true);
  expect(bench.captured.map(({ status, error }) => [status, error?.code])).toEqual([[null, 'service_died'], [200, 'service_died']]);
});

test('malformed and silent services: 502 and 504', async () => {
  const bench = await before(createServer((socket) => {
    socket.on('data', (data) => {
      if (!data.includes('/silent')) socket.write('NOT HTTP AT ALL\r\n\r\n');
    });
  }), { headersTimeoutMs: 500 });
  expect(await raw(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 502 [^]*protocol_error/);
  expect(await raw(bench.port, 'GET /silent HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 504 [^]*timeout/);
});

test('Expect: 100-continue is answered here', async () => {
  const bench = await before(service((request, response) => {
    request.resume();
    request.on('end', () => response.end(`expect=${request.headers.expect}`));
  }));
  const body = await new Promise<string>((resolve) => {
    const request = httpRequest({ port: bench.port, host: '127.0.0.1', method: 'POST', headers: { expect: '100-continue', 'content-length': 2 } }, (response) => {
      response.on('data', (data: Buffer) => resolve(data.toString()));
    });
    request.flushHeaders();
    request.once('continue', () => request.end('ok'));
  });
  expect(body).toBe('expect=undefined');
  expect(bench.captured[0]?.body.toString()).toBe('ok');
});

test('HEAD, 204 and 304 have no body; chunked requests without length pass', async () => {
  const bench = await before(service((request, response) => {
    response.sendDate = false;
    if (request.url === '/304') {
      response.writeHead(304, { 'content-length': '10', etag: 'x' });
      response.end();
    } else if (request.url === '/204') {
      response.writeHead(204);
      response.end();
    } else if (request.method === 'HEAD') {
      response.writeHead(200, { 'content-length': '5' });
      response.end();
    } else {
      request.pipe(response);
    }
  }));
  const ask = (head: string, body = ''): Promise<string> => raw(bench.port, `${head} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${body}`);
  expect(await ask('HEAD /', '\r\n')).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-length: 5\r\nConnection: close\r\n\r\n$/);
  expect(await ask('GET /204', '\r\n')).toMatch(/^HTTP\/1\.1 204 No Content\r\nConnection: close\r\n\r\n$/);
  expect(await ask('GET /304', '\r\n')).toMatch(/^HTTP\/1\.1 304 Not Modified\r\ncontent-length: 10\r\netag: x\r\n/);
  expect(await ask('POST /echo', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n')).toContain('abc');
  expect(bench.captured.map(({ status, error }) => [status, error])).toEqual([[200, null], [204, null], [304, null], [200, null]]);
  expect(bench.captured[3]?.body.toString()).toBe('abc');
});

test('another protocol is tunnelled and named', async () => {
  const server = service((_request, response) => response.end());
  server.on('upgrade', (request, socket: Socket, head: Buffer) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n${request.headers['x-foreshard-context']}`);
    socket.write(head);
    socket.pipe(socket);
  });
  const bench = await before(server);
  const socket = connect(bench.port, '127.0.0.1', () => socket.write('GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nhead'));
  let received = '';
  socket.on('data', (data) => {
    received += data.toString();
  });
  await until(() => received.endsWith('head'));
  expect(received).toContain('101 Switching');
  expect(received).toContain('r1;5;00');
  socket.write('more');
  await until(() => received.endsWith('more'));
  socket.end();
  await until(() => bench.captured.length === 1);
  expect(bench.captured[0]).toMatchObject({ target: '/ws', error: { code: 'upgrade_not_recorded' } });
});

test('no lane: 503 with its reason; port in use: which and what to do', async () => {
  const ingress = new HttpIngress({
    choose: async () => {
      throw new ForeshardError('lane_unavailable', 'every lane is gone');
    },
  });
  closers.push(() => ingress.close());
  const { port } = await ingress.listen({ host: '127.0.0.1', port: 0 });
  expect(await raw(port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 503 [^]*every lane is gone/);
  const second = new HttpIngress({ choose: () => Promise.reject(new Error('unused')) });
  const error = await second.listen({ host: '127.0.0.1', port }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'port_in_use', message: expect.stringContaining(`127.0.0.1:${port}`), hint: expect.stringContaining('choose another port') });
});

test('arbitrary bytes from clients are refused or passed, and never take the ingress down', async () => {
  const bench = await before(service((request, response) => {
    request.resume();
    response.end('ok');
  }));
  const start = fc.constantFrom('', 'GET / HTTP/1.1\r\n', 'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n', 'POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n');
  await fc.assert(fc.asyncProperty(start, fc.uint8Array({ maxLength: 60 }), async (head, rest) => {
    const socket = connect(bench.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.end(Buffer.concat([Buffer.from(head), rest]));
    await new Promise((resolve) => {
      socket.on('close', resolve);
    });
  }), { numRuns: 150 });
  expect(await raw(bench.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toContain('ok');
  await until(() => bench.captured.length === bench.asked.length && bench.ingress.open === 0);
});
