/** A second way into the service's HTTP servers: a Unix socket, which costs the tool and the service about half of what TCP costs. */
import http from 'node:http';
import net from 'node:net';

const loopback = '127.0.0.1';
/** Where ports that the system gives to clients begin on most systems, and how many there are. */
const firstClientPort = 32_768;
const clientPorts = 28_000;

let entrances = 0;
let connections = 0;

/** Connections look as if they had come by TCP from this machine: services log and trust addresses. */
function dressAsTcp(socket: net.Socket, localPort: number): void {
  const remotePort = firstClientPort + (connections++ % clientPorts);
  const seen = {
    remoteAddress: loopback, remotePort, remoteFamily: 'IPv4', localAddress: loopback, localPort, localFamily: 'IPv4',
    address: () => ({ address: loopback, port: localPort, family: 'IPv4' }),
  };
  for (const [name, value] of Object.entries(seen)) Object.defineProperty(socket, name, { value, configurable: true, writable: true });
}

/** Opens one for a server that listens on TCP, as far as it is a plain HTTP server; `done` gets its path, undefined where there is none. */
export function openLocalEntrance(server: net.Server, options: { readonly folder: string; readonly port: number }, done: (path: string | undefined) => void): void {
  if (!(server instanceof http.Server)) {
    done(undefined);
    return;
  }
  const path = `${options.folder}/${process.pid}-${++entrances}`;
  const entrance = net.createServer({ allowHalfOpen: true }, socket => {
    dressAsTcp(socket, options.port);
    server.emit('connection', socket);
  });
  entrance.once('error', () => done(undefined));
  entrance.listen({ path }, () => done(path));
  entrance.unref();
  server.once('close', () => entrance.close());
}
