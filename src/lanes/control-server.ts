import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { LocalAddress, PreloadMessage } from '../model/preload-protocol.ts';
import { openLocalDoor, type LocalDoor } from './local-doors.ts';

type Listener = (message: PreloadMessage) => void;

const maxLineChars = 1 << 20;

/** Hears what the preloads of all instances report. One for all lanes. */
export class ControlServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #listeners = new Map<string, Listener>();
  #port = 0;
  #door: LocalDoor | undefined;

  private constructor() {
    this.#server = createServer((socket) => this.#hear(socket));
  }

  /** Makes one that listens on a free port of 127.0.0.1. */
  static async start(): Promise<ControlServer> {
    const control = new ControlServer();
    await new Promise<void>((resolve, reject) => {
      control.#server.once('error', reject);
      control.#server.listen(0, '127.0.0.1', resolve);
    });
    control.#port = (control.#server.address() as AddressInfo).port;
    control.#door = await openLocalDoor((socket) => control.#hear(socket));
    return control;
  }

  get address(): LocalAddress {
    return { host: '127.0.0.1', port: this.#port, ...(this.#door === undefined ? {} : { path: this.#door.path }) };
  }

  /** Hears one instance's messages, from all its processes, until the returned function is called. */
  subscribe(instance: string, listener: Listener): () => void {
    this.#listeners.set(instance, listener);
    return () => {
      if (this.#listeners.get(instance) === listener) this.#listeners.delete(instance);
    };
  }

  /** Closes the server and every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.#door?.close();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #hear(socket: Socket): void {
    this.#sockets.add(socket);
    socket.setEncoding('utf8');
    socket.setNoDelay(true);
    let rest = '';
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > maxLineChars) socket.destroy(); // not a preload of ours
      for (const line of lines) this.#take(line);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #take(line: string): void {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return; // another program found the port: nothing it says concerns us
    }
    if (isMessage(message)) this.#listeners.get(message.instance)?.(message);
  }
}

function isMessage(value: unknown): value is PreloadMessage {
  if (typeof value !== 'object' || value === null) return false;
  const fields = value as Record<string, unknown>;
  if (typeof fields['instance'] !== 'string' || typeof fields['pid'] !== 'number') return false;
  switch (fields['type']) {
    case 'hello': return typeof fields['node'] === 'string';
    case 'listening': return typeof fields['port'] === 'number' && typeof fields['asked'] === 'number' && typeof fields['host'] === 'string';
    case 'idle': return typeof fields['tag'] === 'string';
    case 'direct': return typeof fields['host'] === 'string' && typeof fields['port'] === 'number';
    case 'unattributed': return typeof fields['client'] === 'string';
    default: return false;
  }
}
