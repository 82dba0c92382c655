import { createServer } from 'node:net';
import { readlinkSync } from 'node:fs';
import { ForeshardError } from '../model/errors.ts';
import { numbersIn, readWholeProc } from './proc.ts';

/** Below the ephemeral ports (32768–60999), which outgoing connections take at any moment. */
const firstPort = 20_000;
const portCount = 12_000;
let nextPort = firstPort + (process.pid * 131) % portCount;

/**
 * A port of 127.0.0.1 that nothing listens on and no earlier call has given.
 * @throws ForeshardError `lane_unavailable` when there is none
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 500; tries++) {
    const port = nextPort;
    nextPort = nextPort + 1 >= firstPort + portCount ? firstPort : nextPort + 1;
    if (await isFree('127.0.0.1', port) && await isFree('0.0.0.0', port)) return port;
  }
  throw new ForeshardError('lane_unavailable', `no free port between ${firstPort} and ${firstPort + portCount - 1}`, { hint: 'see what listens there: ss -ltn' });
}

/** Whether one could listen there now. */
export function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Somewhere a process listens. */
export interface ListeningSocket {
  /** Where to connect: the loopback for a socket that listens everywhere. */
  readonly host: string;
  readonly port: number;
  readonly pid: number;
}

/** TCP sockets that these processes listen on, from the kernel's tables (Linux). */
export function listeningSockets(pids: readonly number[]): ListeningSocket[] {
  const found: ListeningSocket[] = [];
  const seen = new Set<number>();
  for (const pid of pids) {
    const inodes = socketInodes(pid);
    if (inodes.size === 0) continue;
    for (const table of ['tcp', 'tcp6']) {
      for (const socket of listening(`/proc/${pid}/net/${table}`, inodes, pid)) {
        if (seen.has(socket.port)) continue;
        seen.add(socket.port);
        found.push(socket);
      }
    }
  }
  return found;
}

function socketInodes(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of numbersIn(`/proc/${pid}/fd`)) {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      if (target.startsWith('socket:[')) inodes.add(target.slice(8, -1));
    } catch {
      // closed meanwhile
    }
  }
  return inodes;
}

function* listening(path: string, inodes: ReadonlySet<string>, pid: number): Generator<ListeningSocket> {
  const text = readWholeProc(path);
  if (text === null) return;
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const [address, port] = (columns[1] ?? '').split(':');
    if (columns[3] !== '0A' || address === undefined || port === undefined || !inodes.has(columns[9] ?? '')) continue;
    yield { host: reachable(address), port: Number.parseInt(port, 16), pid };
  }
}

/** The kernel writes addresses as hexadecimal words, each in the machine's byte order. */
function reachable(address: string): string {
  if (address.length === 8) {
    const bytes = Buffer.from(address, 'hex').reverse();
    return bytes.every((byte) => byte === 0) ? '127.0.0.1' : bytes.join('.');
  }
  if (/^0+$/.test(address)) return '127.0.0.1'; // listens everywhere, IPv4 too unless told otherwise
  const mapped = /^0{16}FFFF0000(.{8})$/i.exec(address)?.[1];
  if (mapped !== undefined) return reachable(mapped);
  return '::1';
}
