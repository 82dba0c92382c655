import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmbeddedRedis } from './embedded-redis.ts';
import { encodeCommand } from './resp-encoder.ts';

const hasServer = spawnSync('redis-server', ['--version']).status === 0;
if (!hasServer && process.env['CI'] !== undefined) throw new Error('redis-server is needed in CI (Debian: redis-server)');
if (!hasServer) console.warn('redis-server is not installed: the comparison with it is skipped');

/** Long enough for a server on this machine to answer; only bytes that leave a command unfinished take all of it. */
const quietMs = 60;

/** All bytes that come back for these bytes: until the connection closes, the marker's echo comes, or nothing more does. */
function answerTo(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const marker = '$9\r\nthe end!!\r\n';
    let got = '';
    const socket = connect({ host: '127.0.0.1', port });
    const done = (state: string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(`${got} [${state}]`);
    };
    let timer = setTimeout(() => done('open'), 2000);
    socket.on('error', (error: NodeJS.ErrnoException) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done('closed') : reject(error)));
    socket.on('close', () => done('closed'));
    socket.on('data', (chunk) => {
      got += chunk.toString('latin1');
      clearTimeout(timer);
      timer = setTimeout(() => done('open'), quietMs);
      if (got.endsWith(marker)) done('answered');
    });
    socket.write(Buffer.from(bytes + encodeCommand(['ECHO', 'the end!!']), 'latin1'), () => {
      clearTimeout(timer);
      timer = setTimeout(() => done('open'), quietMs * 4);
    });
  });
}

/** Connection ids differ. */
const normal = (text: string): string => text.replace(/(\$2\r\nid\r\n):\d+/g, '$1:ID').replace(/\bid=\d+/g, 'id=ID');

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => { server.close(resolve); });
  return port;
}

describe.skipIf(!hasServer)('the same bytes as redis-server', () => {
  const ours = new EmbeddedRedis();
  let ourPort = 0;
  let realPort = 0;
  let real: ChildProcess;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foreshard-differential-'));
    ourPort = (await ours.start()).port;
    realPort = await freePort();
    real = spawn('redis-server', ['--port', String(realPort), '--bind', '127.0.0.1', '--save', '', '--dir', folder], { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      const answer = await answerTo(realPort, '').catch(() => '');
      if (answer.endsWith('[answered]')) break;
      if (tries > 100) throw new Error('redis-server does not answer');
      await new Promise((resolve) => { setTimeout(resolve, 50); });
    }
  });

  afterAll(async () => {
    real.kill('SIGKILL');
    await ours.close();
    await rm(folder, { recursive: true });
  });

  const both = (bytes: string): Promise<[string, string]> => Promise.all([answerTo(ourPort, bytes).then(normal), answerTo(realPort, bytes).then(normal)]);
  const c = (...args: readonly string[]): string => encodeCommand(args);

  test.each([
    ['protocol errors', ['*x\r\n', '*-5\r\n', '*0\r\n', '*2000000000000\r\n', '*1\r\n$-1\r\n', '*1\r\n$x\r\n', '*1\r\n:1\r\n', '*1\r\nGET\r\n', '*1\r\n$600000000\r\n', '*+1\r\n', '*01\r\n', '* 1\r\n', '*1\r\n$04\r\nPING\r\n']],
    ['inline', ['PING\r\n', 'PING\n', '\r\n', '  \r\n', 'SET k "a b"\r\nGET k\r\n', "SET k 'a\\'b'\nGET k\n", 'SET k "\\x41\\n\\q\\""\r\nGET k\r\n', 'SET k "a"b\r\n', 'SET k "a\r\n', 'ECHO a"b c"\r\n', 'ECHO "a\tb"\tc\r\n', 'ECHO ""\r\n', 'ping "x y"\r\n', "ECHO '\\n'\r\n", 'ECHO a\\nb\r\n']],
    ['HELLO', [c('HELLO'), c('HELLO', '2'), c('HELLO', '3'), c('HELLO', '4'), c('HELLO', 'x'), c('HELLO', '3', 'SETNAME', 'me') + c('CLIENT', 'GETNAME'), c('HELLO', '3', 'SETNAME', 'a b'), c('HELLO', '3', 'SETNAME'), c('HELLO', '3', 'NO'), c('HELLO', '3') + c('GET', 'none') + c('HELLO', '2') + c('GET', 'none'), c('HELLO', '3', 'AUTH', 'default', 'x')]],
    ['AUTH and SELECT', [c('AUTH'), c('AUTH', 'a', 'b', 'c'), c('SELECT', '3') + c('SET', 'k', '1') + c('SELECT', '0') + c('EXISTS', 'k'), c('SELECT', '16'), c('SELECT', '-1'), c('SELECT', 'x'), c('SELECT', '99999999999999999999'), c('SELECT', '1', '2'), c('SELECT')]],
    ['PING', [c('PING'), c('ping', 'x'), c('PING', 'a', 'b'), c('MULTI') + c('PING') + c('PING', 'x') + c('EXEC'), c('SUBSCRIBE', 'ch') + c('PING') + c('PING', 'x')]],
    ['CLIENT', [c('CLIENT'), c('CLIENT', 'NOSUCH'), c('CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', 'internal-ip'), c('CLIENT', 'TRACKING', 'OFF'), c('CLIENT', 'TRACKING', 'off', 'NOLOOP'), c('CLIENT', 'TRACKING'), c('CLIENT', 'GETNAME'), c('CLIENT', 'SETNAME', 'a') + c('CLIENT', 'GETNAME'), c('CLIENT', 'SETNAME', 'a b'), c('CLIENT', 'SETNAME'), c('CLIENT', 'ID', 'x'), c('CLIENT', 'GETREDIR'), c('CLIENT', 'NO-EVICT', 'ON'), c('CLIENT', 'NO-EVICT', 'x'), c('CLIENT', 'UNBLOCK', '99999'), c('CLIENT', 'UNBLOCK', 'x'), c('CLIENT', 'UNBLOCK', '1', 'x'), c('HELLO', '3') + c('CLIENT', 'TRACKINGINFO')]],
    ['CLIENT REPLY', [c('CLIENT', 'REPLY', 'ON'), c('CLIENT', 'REPLY', 'x'), c('CLIENT', 'REPLY', 'SKIP') + c('PING') + c('PING'), c('CLIENT', 'REPLY', 'SKIP') + c('CLIENT', 'REPLY', 'SKIP') + c('PING') + c('PING'), c('CLIENT', 'REPLY', 'OFF') + c('PING') + c('CLIENT', 'REPLY', 'SKIP') + c('PING') + c('CLIENT', 'REPLY', 'ON'), c('CLIENT', 'REPLY', 'SKIP') + c('SET', 'k') + c('PING'), c('CLIENT', 'REPLY', 'SKIP') + c('CLIENT', 'REPLY', 'ON') + c('PING')]],
    ['QUIT and RESET', [c('QUIT'), c('PING') + c('QUIT') + c('PING'), c('QUIT', 'x'), c('RESET'), c('RESET', 'x'), c('HELLO', '3') + c('RESET') + c('GET', 'none'), c('MULTI') + c('SET', 'k', '1') + c('RESET') + c('EXEC'), c('MULTI') + c('QUIT'), c('SUBSCRIBE', 'ch') + c('RESET') + c('GET', 'none'), c('SELECT', '2') + c('SET', 'r', '1') + c('RESET') + c('EXISTS', 'r'), c('CLIENT', 'SETNAME', 'a') + c('RESET') + c('CLIENT', 'GETNAME')]],
    ['cluster', [c('READONLY'), c('READWRITE'), c('CLUSTER', 'INFO'), c('ASKING')]],
    ['MULTI', [c('MULTI') + c('SELECT', '5') + c('SET', 'm', '1') + c('EXEC') + c('GET', 'm') + c('SELECT', '0') + c('GET', 'm'), c('MULTI') + c('MULTI') + c('EXEC'), c('EXEC'), c('DISCARD'), c('MULTI') + c('NOSUCH') + c('EXEC'), c('MULTI') + c('CLIENT', 'GETNAME') + c('EXEC')]],
    ['pub/sub', [c('SUBSCRIBE', 'a', 'b') + c('UNSUBSCRIBE', 'a') + c('GET', 'k') + c('UNSUBSCRIBE') + c('GET', 'none'), c('UNSUBSCRIBE'), c('HELLO', '3') + c('SUBSCRIBE', 'a') + c('PUBLISH', 'a', 'm') + c('GET', 'none'), c('MULTI') + c('SUBSCRIBE', 'a') + c('EXEC') + c('PING'), c('PUNSUBSCRIBE', 'x')]],
    ['unknown and refused by arity', [c('NOSUCH', 'a', 'b'), c('GET'), c('GET', 'a', 'b'), c(''), c('\r\n'), c('GeT', 'none')]],
  ])('%s', async (_name, cases) => {
    for (const bytes of cases) {
      const [our, theirs] = await both(bytes);
      expect(our, JSON.stringify(bytes)).toBe(theirs);
    }
  });

  test('garbage, in many variants', async () => {
    const parts = fc.array(fc.constantFrom('*', '$', '1', '2', '4', '-1', '\r\n', '\r\n', 'PING', 'GET', ' ', '"', "'", '*1\r\n', '*2\r\n', '$4\r\nPING\r\n', '$3\r\nGET\r\n', '$1\r\nk\r\n', '\\x41'), { minLength: 1, maxLength: 12 });
    await fc.assert(fc.asyncProperty(parts, async (tokens) => {
      const [our, theirs] = await both(tokens.join(''));
      expect(our).toBe(theirs);
    }), { numRuns: process.env['CI'] === undefined ? 60 : 200 });
  });
});
