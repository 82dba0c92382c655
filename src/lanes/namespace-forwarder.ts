/**
 * Runs inside a lane's own network namespace, as the parent of the service. Listening sockets that it opens here are handed to the process
 * outside, which accepts on them directly: a socket belongs to the namespace it was made in, whoever holds it. The other way round it accepts
 * on a socket made outside and connects inside.
 */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from './join.ts';
import type { Endpoint, FromForwarder, ToForwarder } from './namespace-protocol.ts';

let service = 0;
let handedOut: Server | null = null;

function tell(message: FromForwarder, server?: Server): void {
  process.send?.(message, server, {}, () => {});
}

function listen(at: Endpoint): void {
  const server = createServer();
  server.once('error', (error) => tell({ type: 'listening', error: `${at.host}:${at.port}: ${error.message}` }));
  server.listen({ host: at.host, port: at.port }, () => {
    handedOut = server;
    tell({ type: 'listening' }, server);
  });
}

function expose(server: Server, to: Endpoint): void {
  server.on('connection', (socket) => join(socket, connect({ host: to.host, port: to.port })));
  tell({ type: 'exposed' });
}

function start(message: ToForwarder & { readonly type: 'start' }): void {
  const [program = '', ...args] = message.command;
  const child = spawn(program, args, { cwd: message.cwd, env: message.env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  child.once('error', (error) => tell({ type: 'failed', message: error.message }));
  child.once('spawn', () => {
    service = child.pid ?? 0;
    tell({ type: 'started', pid: service });
  });
  child.once('exit', (code, signal) => tell({ type: 'exit', code, signal }));
}

process.on('message', (message: ToForwarder, handle: unknown) => {
  switch (message.type) {
    case 'listen': listen(message.at); break;
    case 'taken':
      handedOut?.close();
      handedOut = null;
      break;
    case 'expose': expose(handle as Server, message.to); break;
    case 'start': start(message); break;
  }
});

// The process outside is gone: nothing may stay behind.
process.on('disconnect', () => {
  try {
    if (service > 0) process.kill(-service, 'SIGKILL');
  } catch {
    // gone already
  }
  process.exit(0);
});

tell({ type: 'up' });
