import { createServer as createHttpServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { ForeshardError } from '../../model/errors.ts';
import type { Header } from '../../model/recording.ts';
import { ReplayClient } from './replay-client.ts';

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** A server that gives each request's bytes to `answer`, which writes what it likes. */
async function rawServer(answer: (socket: Socket, received: string) => void): Promise<ReplayClient> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (data) => answer(socket, data.toString('latin1')));
  });
  const client = new ReplayClient({ host: '127.0.0.1', port: await portOf(server) }, { connections: 4 });
  open.push(async () => {
    await client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return client;
}

async function httpClient(listener: RequestListener): Promise<ReplayClient> {
  const server = createHttpServer(listener);
  const client = new ReplayClient({ host: '127.0.0.1', port: await portOf(server) }, { connections: 4 });
  open.push(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });
  return client;
}

const get = { method: 'GET', target: '/', headers: [] as Header[], body: null };

test('headers keep order, case, repeats and host; hop-by-hop ones stay behind', async () => {
  let received = '';
  const client = await rawServer((socket, text) => {
    received = text;
    socket.write('HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: 2\r\nSet-Cookie: p=1\r\nset-cookie: q=\xe9\r\nContent-Length: 2\r\n\r\nok', 'latin1');
  });
  const response = await client.send({
    method: 'POST',
    target: '/a?b=%20&c',
    headers: [
      ['Host', 'shop.example:81'], ['X-Two', '2'], ['x-one', '1'], ['Cookie', 'a=1'], ['X-Two', '22'], ['Connection', 'keep-alive, X-Hop'], ['X-Hop', 'h'],
      ['Transfer-Encoding', 'chunked'], ['Expect', '100-continue'], ['Content-Length', '99'],
    ],
    body: Buffer.from([0, 255, 13, 10]),
  });
  const lines = received.split('\r\n');
  expect(lines[0]).toBe('POST /a?b=%20&c HTTP/1.1');
  expect(lines.filter((line) => /^host:/i.test(line))).toEqual(['host: shop.example:81']);
  expect(lines.filter((line) => /^(x-|cookie)/i.test(line))).toEqual(['X-Two: 2', 'x-one: 1', 'Cookie: a=1', 'X-Two: 22']);
  expect(lines.filter((line) => /^(content-length|transfer|expect)/i.test(line))).toEqual(['content-length: 4']);
  expect(received.endsWith('\r\n\r\n\x00\xff\r\n')).toBe(true);
  expect(response.status).toBe(200);
  expect(response.headers).toEqual([['X-B', '1'], ['x-a', '2'], ['Set-Cookie', 'p=1'], ['set-cookie', 'q=\xe9'], ['Content-Length', '2']]);
  expect(response.body.toString()).toBe('ok');
});

test('an added context header is sent', async () => {
  const client = await httpClient((request, response) => response.end(String(request.headers['x-foreshard-context'])));
  expect((await client.send({ ...get, headers: [['x-foreshard-context', 'r1;0;00']] })).body.toString()).toBe('r1;0;00');
});

test('HEAD, 204, 304 and 1xx', async () => {
  const client = await rawServer((socket, text) => {
    if (text.startsWith('HEAD')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    else if (text.includes('/204')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    else if (text.includes('/304')) socket.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 10\r\n\r\n');
    else socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx');
  });
  for (let round = 0; round < 2; round++) {
    expect(await client.send({ ...get, method: 'HEAD' })).toMatchObject({ status: 200, headers: [['Content-Length', '1000']], body: Buffer.alloc(0) });
    expect((await client.send({ ...get, target: '/204' })).status).toBe(204);
    expect((await client.send({ ...get, target: '/304' })).status).toBe(304);
    expect(await client.send({ ...get, target: '/103' })).toMatchObject({ status: 200, body: Buffer.from('x') });
  }
});

test('chunked, unframed and gzip bodies come as they are', async () => {
  const packed = gzipSync('hello');
  const client = await rawServer((socket, text) => {
    if (text.includes('/chunked')) {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
      setImmediate(() => socket.write('2\r\nde\r\n0\r\n\r\n'));
    } else if (text.includes('/gzip')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`);
      socket.write(packed);
    } else {
      socket.end('HTTP/1.0 200 OK\r\n\r\nuntil the end');
    }
  });
  expect((await client.send({ ...get, target: '/chunked' })).body.toString()).toBe('abcde');
  expect((await client.send({ ...get, target: '/gzip' })).body).toEqual(packed);
  expect((await client.send({ ...get, target: '/rest' })).body.toString()).toBe('until the end');
});

async function failure(client: ReplayClient, target: string, timeoutMs = 5_000): Promise<string> {
  return client.send({ ...get, target }, { timeoutMs }).then(() => 'no error', (error: ForeshardError) => error.code);
}

test('what is not HTTP, ends early or never comes is a coded error, and the client goes on', async () => {
  const client = await rawServer((socket, text) => {
    if (text.includes('/garbage')) socket.write('SSH-2.0-OpenSSH\r\n');
    else if (text.includes('/short')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    else if (text.includes('/reset')) socket.resetAndDestroy();
    else if (text.includes('/halfchunk')) socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab');
    else if (text.includes('/silent')) return;
    else socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  expect(await failure(client, '/garbage')).toBe('protocol_error');
  expect(await failure(client, '/short')).toBe('service_died');
  expect(await failure(client, '/reset')).toBe('service_died');
  expect(await failure(client, '/halfchunk')).toBe('service_died');
  expect(await failure(client, '/silent', 50)).toBe('timeout');
  expect(await failure(client, 'no-slash')).toBe('protocol_error');
  expect((await client.send(get)).body.toString()).toBe('ok');
});

test('a connection of its own is a new one, and does not outlast its request', async () => {
  const sockets = new Set<Socket>();
  const client = await rawServer((socket) => {
    sockets.add(socket);
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n');
  });
  for (let sent = 0; sent < 10; sent++) await client.send(get); // opens up to four, and goes on with those
  const before = sockets.size;
  await client.send(get, { ownConnection: true });
  expect(sockets.size).toBe(before + 1);
  await expect.poll(() => [...sockets].filter((socket) => socket.destroyed || socket.readableEnded).length).toBe(1);
});

test('nobody listens: service_died', async () => {
  const server = createServer();
  const port = await portOf(server);
  await new Promise((resolve) => {
    server.close(resolve);
  });
  const client = new ReplayClient({ host: '127.0.0.1', port }, { connections: 1 });
  open.push(() => client.close());
  expect(await failure(client, '/')).toBe('service_died');
});

test('arbitrary bytes in answers never hang or escape as anything but a coded error', async () => {
  let next = Buffer.alloc(0);
  const client = await rawServer((socket) => socket.end(next));
  const head = fc.constantFrom('', 'HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  await fc.assert(fc.asyncProperty(head, fc.uint8Array({ maxLength: 40 }), async (start, rest) => {
    next = Buffer.concat([Buffer.from(start), rest]);
    const outcome = await failure(client, '/', 2_000);
    expect(['no error', 'protocol_error', 'service_died']).toContain(outcome);
  }), { numRuns: 150 });
});
