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

const listeningState = '0A';
const establishedState = '01';

/** Ports of this machine's loopback that other processes than this one listen on (Linux). */
export function loopbackListeners(): number[] {
  const own = socketInodes(process.pid);
  const ports = new Set<number>();
  for (const table of ['tcp', 'tcp6']) {
    for (const { state, local, inode } of sockets(`/proc/self/net/${table}`)) {
      if (state === listeningState && !own.has(inode) && (local.host === '127.0.0.1' || local.host === '::1')) ports.add(local.port);
    }
  }
  return [...ports];
}

/** Whether one of these processes has a TCP connection to one of these addresses (numeric hosts). */
export function isConnectedTo(pids: readonly number[], addresses: readonly { readonly host: string; readonly port: number }[]): boolean {
  return pids.some((pid) => {
    const inodes = socketInodes(pid);
    if (inodes.size === 0) return false;
    return ['tcp', 'tcp6'].some((table) => [...sockets(`/proc/${pid}/net/${table}`, inodes)].some(
      ({ state, remote }) => state === establishedState && addresses.some(({ host, port }) => host === remote.host && port === remote.port)));
  });
}

/** Those of these processes that have a TCP socket of their own (Linux). */
export function withTcp(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    const inodes = socketInodes(pid);
    return inodes.size > 0 && ['tcp', 'tcp6'].some((table) => sockets(`/proc/${pid}/net/${table}`, inodes).next().done === false);
  });
}

function* listening(path: string, inodes: ReadonlySet<string>, pid: number): Generator<ListeningSocket> {
  for (const { state, local } of sockets(path, inodes)) if (state === listeningState) yield { ...local, pid };
}

interface KernelSocket {
  readonly inode: string;
  readonly state: string;
  readonly local: { readonly host: string; readonly port: number };
  readonly remote: { readonly host: string; readonly port: number };
}

/** Those of `inodes` alone, where given. */
function* sockets(path: string, inodes?: ReadonlySet<string>): Generator<KernelSocket> {
  const text = readWholeProc(path);
  if (text === null) return;
  for (const line of text.split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/);
    const inode = columns[9] ?? '';
    if (columns.length < 10 || inodes?.has(inode) === false) continue;
    yield { inode, state: columns[3] ?? '', local: endpoint(columns[1] ?? ''), remote: endpoint(columns[2] ?? '') };
  }
}

function endpoint(text: string): { host: string; port: number } {
  const [address = '', port = ''] = text.split(':');
  return { host: reachable(address), port: Number.parseInt(port, 16) };
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
