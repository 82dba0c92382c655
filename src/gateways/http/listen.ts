import type { Server } from 'node:net';
import { ForeshardError } from '../../model/errors.ts';
import { codeOf } from './wire-error.ts';

/** Where something listens. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Makes `server` listen and resolves with the address it got.
 * @param what names it in errors, for example `the ingress`
 * @throws ForeshardError `port_in_use`, with the port and what to do
 */
export function listen(server: Server, address: ListenAddress, what: string): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      const at = `${address.host}:${address.port}`;
      const code = codeOf(error);
      if (code === 'EADDRINUSE') {
        reject(new ForeshardError('port_in_use', `${what} cannot listen on ${at}: the port is in use`, {
          hint: `stop what listens on ${at} (ss -ltnp | grep :${address.port}), or choose another port; 0 takes a free one`, cause: error,
        }));
        return;
      }
      const hint = code === 'EACCES' ? 'ports below 1024 need privileges: choose a higher one' : 'use an address of this machine, such as 127.0.0.1';
      reject(new ForeshardError('lane_unavailable', `${what} cannot listen on ${at}: ${error.message}`, { hint, cause: error }));
    };
    server.once('error', failed);
    server.listen({ host: address.host, port: address.port }, () => {
      server.off('error', failed);
      const bound = server.address();
      resolve({ host: address.host, port: bound !== null && typeof bound === 'object' ? bound.port : address.port });
    });
  });
}
