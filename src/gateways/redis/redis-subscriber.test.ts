import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RedisSubscriber } from './redis-subscriber.ts';

let server: Server;
let port: number;
/** Connections so far, with what each has sent. */
let connections: { socket: Socket; received: string }[];
let subscriber: RedisSubscriber | undefined;

beforeEach(async () => {
  connections = [];
  server = createServer((socket) => {
    const connection = { socket, received: '' };
    connections.push(connection);
    socket.setEncoding('latin1').on('data', (text: string) => (connection.received += text)).on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterEach(() => {
  subscriber?.close();
  for (const { socket } of connections) socket.destroy();
  server.close();
});

const subscribed = '*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n';

function subscribe(address: { password?: string } = {}): string[] {
  const heard: string[] = [];
  subscriber = new RedisSubscriber({
    address: { host: '127.0.0.1', port, ...address }, channel: 'ch', onMessage: (message) => heard.push(message), onSubscribed: () => heard.push('(subscribed)'),
  });
  return heard;
}

async function connection(index: number): Promise<{ socket: Socket; received: string }> {
  await expect.poll(() => connections[index]?.received, { interval: 2 }).toContain('SUBSCRIBE\r\n$2\r\nch\r\n');
  return connections[index] as { socket: Socket; received: string };
}

test('hears messages, with what it needs to get in', async () => {
  const heard = subscribe({ password: 'secret' });
  const { socket, received } = await connection(0);
  expect(received).toBe('*2\r\n$4\r\nAUTH\r\n$6\r\nsecret\r\n*2\r\n$9\r\nSUBSCRIBE\r\n$2\r\nch\r\n');
  socket.write(`+OK\r\n${subscribed}*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\none\r\n*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$3\r\ntwo\r\n`);
  await expect.poll(() => heard).toEqual(['(subscribed)', 'one', 'two']);
});

test('connects again after it was cut off, refused, or given nonsense, and says that it missed something', async () => {
  const heard = subscribe();
  (await connection(0)).socket.end(subscribed);
  (await connection(1)).socket.write(`-WRONGPASS no\r\n${subscribed}`);
  (await connection(2)).socket.write('nonsense\r\n');
  (await connection(3)).socket.resetAndDestroy();
  (await connection(4)).socket.write(subscribed);
  await expect.poll(() => heard).toEqual(['(subscribed)', '(subscribed)']);
});

test('gives up a peer that no longer answers', async () => {
  const heard = subscribe();
  const first = await connection(0);
  first.socket.write(subscribed);
  await expect.poll(() => heard.length).toBe(1);
  subscriber?.probe();
  await expect.poll(() => first.received).toContain('PING');
  first.socket.write('*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$1\r\nx\r\n');
  await expect.poll(() => heard.length).toBe(2);
  subscriber?.probe();
  expect(connections).toHaveLength(1);
  subscriber?.probe();
  (await connection(1)).socket.write(subscribed);
  await expect.poll(() => heard).toEqual(['(subscribed)', 'x', '(subscribed)']);
});

test('is silent once it is closed, and does not come back', async () => {
  const heard = subscribe();
  const { socket } = await connection(0);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(subscribed);
  await expect.poll(() => heard.length).toBe(1);
  subscriber?.close();
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([heard.length, connections.length]).toEqual([1, 1]);
});
