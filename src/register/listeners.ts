/** Listening TCP servers: reported, and moved to a free port where several instances share a machine. */
import net from 'node:net';
import type { ControlLink } from './control.ts';
import { openLocalEntrance } from './local-entrance.ts';
import { wrapMethod } from './patching.ts';
import { canonicalHost } from './redirects.ts';
import type { RedirectTable } from './redirects.ts';

/** Asked port of servers that were moved. */
const moved = new WeakMap<object, number>();
/** Asked port of the last call of listen, for each server that has our listener. */
const askedOf = new WeakMap<object, number>();

/** The port in a call of listen; 0 where it is left to the system; undefined for paths, handles and file descriptors. */
function askedPortOf(args: readonly unknown[]): number | undefined {
  const first = args[0];
  if (first === undefined || first === null || typeof first === 'function') return 0;
  if (typeof first === 'object') {
    const options = first as { port?: unknown; path?: unknown; fd?: unknown; handle?: unknown; _handle?: unknown };
    if (options.fd !== undefined || options.handle !== undefined || options._handle !== undefined) return undefined;
    if (options.port === undefined || options.port === null) return options.path === undefined && 'port' in first ? 0 : undefined;
    return portNumber(options.port);
  }
  return portNumber(first);
}

function portNumber(value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const port = Number(value);
  return value !== '' && Number.isInteger(port) && port >= 0 && port < 65536 ? port : undefined;
}

function withFreePort(args: readonly unknown[]): unknown[] {
  const [first, ...rest] = args;
  return [typeof first === 'object' ? { ...first, port: 0 } : 0, ...rest];
}

function realAddress(address: unknown): net.AddressInfo | undefined {
  return typeof address === 'object' && address !== null && 'port' in address ? address as net.AddressInfo : undefined;
}

/**
 * Patches `net.Server.prototype.listen` and `address`. A moved server goes on reporting the port it asked for to the service, which
 * may print it or build links with it; clients in this process reach it there through `table`.
 */
export function installListeners(table: RedirectTable, control: ControlLink, options: { readonly moveListeners: boolean; readonly socketFolder?: string | undefined }): void {
  const { moveListeners, socketFolder } = options;
  const addressOf = Reflect.get(net.Server.prototype, 'address') as (this: unknown) => unknown;
  const announce = (server: net.Server): void => {
    const asked = askedOf.get(server) ?? 0;
    const real = realAddress(addressOf.call(server));
    if (real === undefined) return;
    const port = moved.get(server) ?? (asked === 0 ? real.port : asked);
    table.addListener(real.address, port, real.port);
    server.once('close', () => table.removeListener(real.address, port, real.port));
    const host = canonicalHost(real.address) === 'localhost' && real.address !== '::1' ? '127.0.0.1' : real.address;
    const report = (path: string | undefined): void => control.send({ type: 'listening', host, port: real.port, asked, ...(path === undefined ? {} : { path }) });
    if (socketFolder === undefined || host !== '127.0.0.1') report(undefined);
    else openLocalEntrance(server, { folder: socketFolder, port }, report);
  };
  wrapMethod(net.Server.prototype, 'listen', original => function (this: unknown, ...args) {
    const server = this as net.Server;
    const asked = askedPortOf(args);
    if (asked === undefined || server.listening) return Reflect.apply(original, server, args);
    const move = moveListeners && asked !== 0;
    if (move) moved.set(server, asked);
    else moved.delete(server);
    if (!askedOf.has(server)) server.prependListener('listening', () => announce(server));
    askedOf.set(server, asked);
    return Reflect.apply(original, server, move ? withFreePort(args) : args);
  });
  wrapMethod(net.Server.prototype, 'address', original => function (this: unknown) {
    const address = Reflect.apply(original, this, []);
    const asked = moved.get(this as object);
    const real = realAddress(address);
    return asked === undefined || real === undefined ? address : { ...real, port: asked };
  });
}
