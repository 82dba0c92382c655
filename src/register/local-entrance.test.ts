import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { openLocalEntrance } from './local-entrance.ts';

const folder = mkdtempSync(join(tmpdir(), 'entrance-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entranceOf = (server: net.Server): Promise<string | undefined> => new Promise(resolve => openLocalEntrance(server, { folder, port: 8080 }, resolve));

test.skipIf(process.platform === 'win32')('a request by the socket looks as if it came by TCP, and the entrance closes with its server', async () => {
  const server = http.createServer((request, response) => {
    const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = request.socket;
    response.end(JSON.stringify({ remoteAddress, portIsThere: Number(remotePort) > 0, remoteFamily, localAddress, localPort, address: request.socket.address() }));
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const path = await entranceOf(server);
  if (path === undefined) throw new Error('no entrance');
  const body = await new Promise<string>((resolve, reject) => {
    http.get({ socketPath: path, path: '/', agent: false }, response => {
      let text = '';
      response.setEncoding('utf8').on('data', chunk => (text += String(chunk))).on('end', () => resolve(text));
    }).on('error', reject);
  });
  expect(JSON.parse(body)).toEqual({
    remoteAddress: '127.0.0.1', portIsThere: true, remoteFamily: 'IPv4', localAddress: '127.0.0.1', localPort: 8080, address: { address: '127.0.0.1', port: 8080, family: 'IPv4' },
  });
  await new Promise(resolve => server.close(resolve));
  await expect.poll(() => existsSync(path)).toBe(false);
});

test('only plain HTTP servers have one', async () => {
  for (const server of [net.createServer(), https.createServer()]) expect(await entranceOf(server)).toBeUndefined();
});
