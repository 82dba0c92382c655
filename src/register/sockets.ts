/** Outgoing TCP connections: sent to a gateway where one stands for the address, reported where none does. */
import { existsSync } from 'node:fs';
import net from 'node:net';
import { currentContext, outside } from './context.ts';
import type { ControlLink } from './control.ts';
import { property, wrapMethod } from './patching.ts';
import type { RedirectTable, Target } from './redirects.ts';
import { WireTags } from './wire-tags.ts';

const targetKind = Symbol('foreshard.target');

/** True if the socket was sent to a Redis gateway. */
export function leadsToRedisGateway(socket: unknown): boolean {
  return property(socket, targetKind) === 'redis';
}

/** True if the socket was sent to a gateway of any kind. */
export function leadsToGateway(socket: unknown): boolean {
  const kind = property(socket, targetKind);
  return kind === 'redis' || kind === 'http';
}

const tagsItself = Symbol('foreshard.tagsItself');
let isNextWriteTagged = false;

/** A connection to a Redis gateway. */
interface RedisSocket extends net.Socket {
  [tagsItself]?: boolean;
}

/** The client of this socket tags its commands where they are made. Anything but an object is passed over. */
export function leaveTagsTo(socket: unknown): void {
  if (typeof socket === 'object' && socket !== null) Reflect.set(socket, tagsItself, true);
}

/** The write that comes next is by a client that tags its commands where they are made, and so are all others on that socket; or none comes. */
export function announceWrite(comes: boolean): void {
  isNextWriteTagged = comes;
}

interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Reads the ways to call connect: (options), (port, host), (path), and Node's own already normalised array. */
function destinationOf(args: readonly unknown[]): Destination | undefined {
  const first = Array.isArray(args[0]) ? args[0][0] as unknown : args[0];
  if (typeof first === 'object' && first !== null) {
    const { host, port, path } = first as { host?: unknown; port?: unknown; path?: unknown };
    if ((path !== undefined && path !== null) || port === undefined || port === null) return undefined;
    return { host: typeof host === 'string' ? host : 'localhost', port: Number(port) };
  }
  if (typeof first !== 'number' && (typeof first !== 'string' || !(Number(first) >= 0))) return undefined;
  return { host: typeof args[1] === 'string' ? args[1] : 'localhost', port: Number(first) };
}

function withTarget(args: unknown[], { host, port }: Target, path: string | undefined): unknown[] {
  const first = args[0];
  const address = path === undefined ? { host, port } : { path };
  if (Array.isArray(first)) {
    // Node marks this array with a private symbol: it must stay the same array.
    first[0] = { ...(first[0] as object), ...address };
    return args;
  }
  const callback = args.findLast(arg => typeof arg === 'function');
  const options = typeof first === 'object' ? { ...first, ...address } : address;
  return callback === undefined ? [options] : [options, callback];
}

/** The Unix socket that leads to the target, where this process can see it: in a container of its own it cannot. */
function localPath({ path }: Target): string | undefined {
  return path !== undefined && existsSync(path) ? path : undefined;
}

/** What a client may ask a connected TCP socket. */
function lookLikeTcp(socket: object, { host, port }: Target): void {
  const seen = { remoteAddress: host, remotePort: port, remoteFamily: 'IPv4' };
  for (const [name, value] of Object.entries(seen)) Object.defineProperty(socket, name, { value, configurable: true });
}

const corked = new Set<net.Socket>();
process.on('exit', () => {
  for (const socket of corked) socket.uncork();
});

/** A call of write with the tags put in. */
function tagged(tags: WireTags, args: unknown[]): unknown[] {
  const [chunk, encoding, ...rest] = args;
  if ((typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) || chunk.length === 0) return args;
  const bytes = typeof chunk === 'string'
    ? Buffer.from(chunk, typeof encoding === 'string' ? encoding as BufferEncoding : 'utf8')
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  const changed = tags.tag(bytes);
  return changed === bytes ? args : [changed, ...typeof encoding === 'function' ? [encoding] : rest];
}

/**
 * Lets what is written in one tick leave as one write. Clients write each command by itself, and with many requests in flight that is
 * most of what it costs both ends; the order stays.
 */
function gatherWrites(socket: RedisSocket, tags: WireTags): void {
  const { write } = socket;
  const flush = (): void => {
    corked.delete(socket);
    socket.uncork();
  };
  socket.write = function (this: net.Socket, ...args: unknown[]): boolean {
    if (!corked.has(socket)) {
      corked.add(socket);
      socket.cork();
      process.nextTick(flush);
    }
    if (isNextWriteTagged) {
      isNextWriteTagged = false;
      socket[tagsItself] = true;
    }
    return Reflect.apply(write, this, socket[tagsItself] === true ? args : tagged(tags, args)) as boolean;
  };
}

/** Patches `net.Socket.prototype.connect`, which `net.connect`, `tls.connect`, http agents, undici and all Redis clients come down to. */
export function installSockets(table: RedirectTable, control: ControlLink): void {
  const reported = new Set<string>();
  const reportDirect = ({ host, port }: Destination): void => {
    const address = `${host}:${port}`;
    if (reported.has(address)) return;
    reported.add(address);
    control.send({ type: 'direct', host, port, tag: currentContext()?.tag ?? null });
  };
  const reportUnattributed = (client: string): void => {
    if (reported.has(client)) return;
    reported.add(client);
    control.send({ type: 'unattributed', client });
  };
  wrapMethod(net.Socket.prototype, 'connect', original => function (this: unknown, ...args) {
    const destination = destinationOf(args);
    if (destination === undefined) return Reflect.apply(original, this, args);
    const target = table.find(destination.host, destination.port);
    if (target === undefined) {
      reportDirect(destination);
      return Reflect.apply(original, this, args);
    }
    Object.defineProperty(this, targetKind, { value: target.kind, configurable: true });
    const path = localPath(target);
    if (path !== undefined) lookLikeTcp(this as object, target);
    const redirected = withTarget(args, target, path);
    if (target.kind === 'own') return Reflect.apply(original, this, redirected);
    // All requests share it: what comes on it later is not of the one that happened to open it.
    const result = outside(() => Reflect.apply(original, this, redirected));
    if (target.kind === 'redis') gatherWrites(this as net.Socket, new WireTags(this as net.Socket, reportUnattributed));
    return result;
  });
}
