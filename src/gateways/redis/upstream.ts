import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { ForeshardError } from '../../model/errors.ts';

/** Where the real Redis is, and what the gateway's own connection needs to get in. */
export interface UpstreamAddress {
  readonly host: string;
  readonly port: number;
  /** A Unix socket that leads there too. */
  readonly path?: string;
  /** For the gateway's own connection; clients bring their own AUTH. */
  readonly username?: string;
  readonly password?: string;
  /** TLS towards the server; `true` for the defaults. */
  readonly tls?: boolean | ConnectionOptions;
}

/** How long connecting may take unless told otherwise. */
export const connectTimeoutMs = 10_000;

/** Opens a socket to the server at once; bytes written before it is connected are sent then. Half-open, without delay. */
export function openUpstream(address: UpstreamAddress): Socket {
  const { host, port, path } = address;
  if (path !== undefined) return connectTcp({ path, allowHalfOpen: true });
  if (address.tls === undefined || address.tls === false) return connectTcp({ host, port, noDelay: true, allowHalfOpen: true });
  const settings = address.tls === true ? {} : address.tls;
  const socket = connectTls({ host, port, servername: host, ...settings });
  socket.setNoDelay(true);
  return socket;
}

/** Waits until a socket of {@link openUpstream} is connected. @throws upstream_unreachable */
export async function connected(socket: Socket, address: UpstreamAddress): Promise<void> {
  const ready = address.tls === undefined || address.tls === false ? 'connect' : 'secureConnect';
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.off(ready, onReady).off('error', onError).off('close', onClose);
      if (error === undefined) return resolve();
      socket.destroy();
      reject(unreachable(address, error));
    };
    const onReady = (): void => finish();
    const onError = (error: Error): void => finish(error);
    const onClose = (): void => finish(new Error('closed before it was connected'));
    const timer = setTimeout(() => finish(new Error(`no answer within ${connectTimeoutMs} ms`)), connectTimeoutMs);
    socket.once(ready, onReady).once('error', onError).once('close', onClose);
  });
}

/** The error for a server that cannot be reached. */
export function unreachable(address: UpstreamAddress, cause: Error): ForeshardError {
  return new ForeshardError('upstream_unreachable', `Redis at ${address.host}:${address.port} cannot be reached: ${cause.message}`, {
    hint: 'Start the server, or correct the address under `redis` in foreshard.config.ts (`embedded` needs none).',
    cause,
  });
}
