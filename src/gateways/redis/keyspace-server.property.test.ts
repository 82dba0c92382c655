import { connect } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Keyspace } from '../../keyspace/keyspace.ts';
import type { Reply } from '../../keyspace/reply.ts';
import { newSession } from '../../keyspace/session.ts';
import { KeyspaceServer, type KeyspaceTarget } from './keyspace-server.ts';
import { encodeReply, encodeCommand, OutputBuffer } from './resp-encoder.ts';
import { ReplyParser } from './resp-parser.ts';

const newKeyspace = (): Keyspace => new Keyspace({ now: () => 0, random: () => 0.5, after: () => () => {} });

const keys = fc.constantFrom('k', 'l', 'h');
const commands = fc.oneof(
  keys.map((key) => ['GET', key]), keys.map((key) => ['INCR', key]), fc.tuple(keys, fc.nat(9)).map(([key, value]) => ['SET', key, String(value)]),
  keys.map((key) => ['RPUSH', key, 'x']), keys.map((key) => ['LPOP', key]), keys.map((key) => ['WATCH', key]), keys.map((key) => ['DEL', key]),
  fc.constantFrom(['MULTI'], ['EXEC'], ['DISCARD'], ['DBSIZE'], ['NOSUCH'], ['GET'], ['PING'], ['CLIENT', 'GETNAME']),
);
const tags = fc.constantFrom('a', 'b', 'c', null);
const scripts = fc.array(fc.tuple(tags, commands), { maxLength: 30 });

let server: KeyspaceServer;
let port: number;
let targets = new Map<string | null, KeyspaceTarget>();

beforeAll(async () => {
  server = new KeyspaceServer({ route: (tag) => targets.get(tag) });
  ({ port } = await server.listen());
});
afterAll(() => server.close());

/** The replies to these bytes, sent in pieces of the given sizes. */
async function exchange(bytes: Buffer, sizes: readonly number[], count: number): Promise<Reply[]> {
  const replies: Reply[] = [];
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  try {
    const finished = new Promise<void>((resolve, reject) => {
      const parser = new ReplyParser((reply) => {
        replies.push(reply);
        if (replies.length === count) resolve();
      });
      socket.on('data', (chunk) => parser.push(chunk));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed after ${replies.length} of ${count} replies`)));
      if (count === 0) resolve();
    });
    let at = 0;
    for (const size of sizes) {
      socket.write(bytes.subarray(at, at += size));
      await new Promise((resolve) => { setImmediate(resolve); });
    }
    socket.write(bytes.subarray(at));
    await finished;
    return replies;
  } finally {
    socket.removeAllListeners('close');
    socket.destroy();
  }
}

const encoded = (reply: Reply): string => {
  const out = new OutputBuffer();
  encodeReply(reply, 2, out);
  return out.take();
};

/** What each lane answers when it is alone with its keyspace. */
function alone(script: readonly (readonly [string | null, readonly string[]])[], tag: string | null): string[] {
  const keyspace = newKeyspace();
  const session = newSession(() => {});
  const replies: string[] = [];
  for (const [of, args] of script) if (of === tag) keyspace.execute(session, args, (reply) => replies.push(encoded(reply)));
  return replies;
}

test('lanes mixed on one connection answer as each alone, in order, whatever state arrives when', async () => {
  await fc.assert(fc.asyncProperty(scripts, fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 6 }), fc.array(fc.nat(3), { maxLength: 20 }), async (script, sizes, delays) => {
    let asked = 0;
    const ensure = (): Promise<void> | undefined => {
      const delay = delays[asked++] ?? 0;
      return delay === 0 ? undefined : new Promise((resolve) => { setTimeout(resolve, delay); });
    };
    targets = new Map([null, 'a', 'b', 'c'].map((tag) => [tag, { keyspace: newKeyspace(), ensure }]));
    const bytes = Buffer.from(script.map(([tag, args]) => encodeCommand(tag === null ? args : ['FS.L', tag, ...args])).join(''), 'latin1');
    const replies = (await exchange(bytes, sizes, script.length)).map(encoded);
    for (const tag of targets.keys()) {
      expect(replies.filter((_, index) => script[index]?.[0] === tag)).toEqual(alone(script, tag));
    }
    expect([server.pending, server.blocked]).toEqual([0, 0]);
  }), { numRuns: process.env['CI'] === undefined ? 150 : 400 });
});

test('any bytes: the server answers or closes, and goes on serving others', async () => {
  targets = new Map([[null, { keyspace: newKeyspace() }]]);
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    await new Promise<void>((resolve) => { socket.write(bytes, () => resolve()); });
    socket.destroy();
    expect(await exchange(Buffer.from('PING x\r\n'), [], 1)).toEqual(['x']);
  }), { numRuns: 100 });
  expect(server.pending).toBe(0);
});
