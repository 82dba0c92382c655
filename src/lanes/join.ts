import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

/** Joins two connections byte by byte; when one breaks or closes, so does the other. */
export function join(one: Socket, other: Socket): void {
  one.setNoDelay(true);
  other.setNoDelay(true);
  one.pipe(other);
  other.pipe(one);
  const close = (): void => {
    one.destroy();
    other.destroy();
  };
  for (const socket of [one, other]) {
    socket.on('error', close);
    socket.on('close', close);
  }
}

/** Where the connections of a listening server go. */
export interface Destination {
  readonly to: { readonly host: string; readonly port: number };
  /** Takes a connection over, so that nothing of it is ever on its way between two sockets of this process. */
  readonly accept?: (connection: Socket) => void;
}

/** Hands every connection of a listening server over, or sends it on. Returns what closes the server and all its connections. */
export function relay(server: Server, { to, accept }: Destination): () => Promise<void> {
  return handOver(server, accept ?? ((socket) => join(socket, connect({ host: to.host, port: to.port }))));
}

/** Hands every connection of a listening server over. Returns what closes the server and all its connections. */
export function handOver(server: Server, accept: (connection: Socket) => void): () => Promise<void> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    accept(socket);
  });
  return async () => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    for (const socket of open) socket.destroy();
    await closed;
  };
}

/** Listens on `from` and does as {@link relay}. Rejects with the system's error. */
export async function listenAndRelay(from: { readonly host: string; readonly port: number }, destination: Destination): Promise<() => Promise<void>> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: from.host, port: from.port }, resolve);
  });
  return relay(server, destination);
}
