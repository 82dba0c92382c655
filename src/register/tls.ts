/**
 * Gateways speak plain text, so TLS towards them ends here: `tls.connect` to a redirected address gives a plain connection that looks
 * like a finished TLS handshake. The gateway opens TLS to the original itself. HTTP/2 over such a connection is not offered (no ALPN).
 */
import net from 'node:net';
import tls from 'node:tls';
import { wrapMethod } from './patching.ts';
import type { AnyFunction } from './patching.ts';
import type { RedirectTable } from './redirects.ts';
import { leadsToGateway } from './sockets.ts';

/** Reads (options, callback) and (port, host, options, callback), of which all but the first may be left out. */
function readCall(args: readonly unknown[]): { options: tls.ConnectionOptions; callback: unknown } {
  const given = args.find(arg => typeof arg === 'object' && arg !== null);
  const options: tls.ConnectionOptions = { ...given };
  if (typeof args[0] === 'number' || typeof args[0] === 'string') options.port = Number(args[0]);
  if (typeof args[1] === 'string') options.host = args[1];
  return { options, callback: args.findLast(arg => typeof arg === 'function') };
}

/** What clients ask a TLS socket for. */
function dressAsTls(socket: net.Socket, servername: string): void {
  Object.assign(socket, {
    encrypted: true,
    authorized: true,
    authorizationError: null,
    alpnProtocol: false,
    servername,
    secureConnecting: socket.connecting,
    getPeerCertificate: () => ({}),
    getCertificate: () => ({}),
    getCipher: () => ({ name: 'TLS_AES_256_GCM_SHA384', standardName: 'TLS_AES_256_GCM_SHA384', version: 'TLSv1.3' }),
    getProtocol: () => 'TLSv1.3',
    getSession: () => undefined,
    getTLSTicket: () => undefined,
    isSessionReused: () => false,
    disableRenegotiation: () => {},
    setMaxSendFragment: () => true,
    setServername: () => {},
  });
}

function plainConnection(options: tls.ConnectionOptions): net.Socket {
  const { host = 'localhost', port = 443, timeout } = options;
  const socket = net.connect({ host, port });
  if (timeout !== undefined) socket.setTimeout(timeout);
  return socket;
}

function finishHandshake(socket: net.Socket): void {
  const finish = (): void => {
    Object.assign(socket, { secureConnecting: false });
    process.nextTick(() => socket.destroyed || socket.emit('secureConnect'));
  };
  if (socket.connecting) socket.once('connect', finish);
  else finish();
}

/** Patches `tls.connect`, which node:https, undici and the Redis clients use. */
export function installTls(table: RedirectTable): void {
  wrapMethod(tls, 'connect', (original: AnyFunction) => function (this: unknown, ...args) {
    const { options, callback } = readCall(args);
    const given = options.socket instanceof net.Socket ? options.socket : undefined;
    const address = (options.path ?? '') === '' && options.port !== undefined ? table.find(options.host ?? 'localhost', options.port) : undefined;
    const kind = address?.kind;
    const plain = given === undefined ? kind === 'http' || kind === 'redis' : leadsToGateway(given);
    if (!plain) return Reflect.apply(original, this, args);
    const socket = given ?? plainConnection(options);
    dressAsTls(socket, options.servername ?? options.host ?? 'localhost');
    if (typeof callback === 'function') socket.once('secureConnect', callback as () => void);
    finishHandshake(socket);
    return socket;
  });
}
