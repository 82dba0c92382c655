import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { RedisRevisionWatch } from './redis-revision-watch.ts';

let server: Server;
/** The newest connection of the watch. */
let socket: Socket | undefined;
let watch: RedisRevisionWatch;
/** What a read is answered; undefined: the server is away. */
let current: number | undefined;
/** While set, reads wait here for their answers instead. */
let held: ((revision: number) => void)[] | undefined;
let readCount: number;
let told: number[];

beforeEach(async () => {
  server = createServer((opened) => {
    socket = opened;
    opened.once('data', () => opened.write('*3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n')).on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  current = 5;
  held = undefined;
  readCount = 0;
  told = [];
  watch = new RedisRevisionWatch({
    address: { host: '127.0.0.1', port: (server.address() as { port: number }).port }, channel: 'ch', pollMs: 60_000,
    read: async () => {
      readCount++;
      if (held !== undefined) return new Promise((answer) => held?.push(answer));
      if (current === undefined) throw new Error('away');
      return current;
    },
  });
});
afterEach(() => {
  watch.close();
  socket?.destroy();
  server.close();
});

/** A watcher whose watch is at rest: it has read once it had subscribed, and nothing is under way. */
async function watching(): Promise<void> {
  watch.add(0, (revision) => told.push(revision));
  await expect.poll(() => readCount, { interval: 2 }).toBe(2);
  await expect.poll(() => told).toEqual([5]);
}

function message(revision: number): void {
  const text = String(revision);
  socket?.write(`*3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$${text.length}\r\n${text}\r\n`);
}

test('believes a newer message without reading', async () => {
  await watching();
  message(6);
  await expect.poll(() => told).toEqual([5, 6]);
  expect(readCount).toBe(2);
});

test('reads again when a message came during a read, whose answer may be older', async () => {
  await watching();
  held = [];
  message(4);
  await expect.poll(() => held?.length).toBe(1);
  message(7);
  await new Promise((resolve) => setTimeout(resolve, 30)); // the message has arrived
  expect(told).toEqual([5]);
  held.shift()?.(6);
  await expect.poll(() => held?.length).toBe(1);
  held.shift()?.(7);
  await expect.poll(() => told).toEqual([5, 6, 7]);
});

test('tells of an older revision only after it was read', async () => {
  await watching();
  message(3);
  await expect.poll(() => readCount).toBe(3);
  expect(told).toEqual([5]);
  current = 3;
  message(3);
  await expect.poll(() => told).toEqual([5, 3]);
});

test('reads until it is answered, and after each new connection', async () => {
  current = undefined;
  watch.add(0, (revision) => told.push(revision));
  await expect.poll(() => readCount).toBeGreaterThan(1);
  current = 5;
  await expect.poll(() => told).toEqual([5]);
  current = 8;
  socket?.destroy();
  await expect.poll(() => told).toEqual([5, 8]);
});

test('goes on for others when one watch ends, and is without a connection when the last one has', async () => {
  await watching();
  const late: number[] = [];
  const end = watch.add(5, (revision) => late.push(revision));
  end();
  message(6);
  await expect.poll(() => told).toEqual([5, 6]);
  watch.close();
  await expect.poll(() => socket?.closed).toBe(true);
  current = 9;
  watch.add(6, (revision) => late.push(revision));
  await expect.poll(() => late).toEqual([9]);
  expect(told).toEqual([5, 6]);
});
