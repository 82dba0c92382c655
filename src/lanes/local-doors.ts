import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redirect } from '../model/preload-protocol.ts';
import { handOver } from './join.ts';

/** What the kernel takes for a socket's path: 104 bytes with its end on macOS, 108 on Linux. */
export const longestSocketPath = 103;
/** A slash, a process id, a dash and a number. */
const longestName = 20;

let folder: string | undefined;
let lastNumber = 0;

/** A way in by a Unix socket. */
export interface LocalDoor {
  readonly path: string;
  /** Closes it and every connection through it. */
  close(): Promise<void>;
}

/**
 * Hands over what connects to a Unix socket of its own, in a folder that only this user may enter. For a process on the same machine a
 * round trip costs both ends about half of what it costs by TCP. undefined where there is no such thing: Windows, a path too long.
 */
export async function openLocalDoor(accept: (connection: Socket) => void): Promise<LocalDoor | undefined> {
  const path = nextPath();
  if (path === undefined) return undefined;
  const server = createServer({ allowHalfOpen: true });
  if (!await listens(server, path)) return undefined;
  return { path, close: handOver(server, accept) };
}

/** Opens a door for each redirect. Returns the redirects with the paths of those there are, and what closes them. */
export async function openLocalDoors(
  redirects: readonly Redirect[], accept: (redirect: Redirect, connection: Socket) => void,
): Promise<{ readonly redirects: readonly Redirect[]; readonly close: () => Promise<void> }> {
  const doors = await Promise.all(redirects.map((redirect) => openLocalDoor((connection) => accept(redirect, connection))));
  return {
    redirects: redirects.map((redirect, index) => {
      const door = doors[index];
      return door === undefined ? redirect : { ...redirect, to: { ...redirect.to, path: door.path } };
    }),
    close: async () => {
      await Promise.all(doors.map(async (door) => door?.close()));
    },
  };
}

function listens(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ path }, () => resolve(true));
  });
}

/** The folder of this process's Unix sockets, which only this user may enter; undefined where there are none. */
export function socketFolder(): string | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    folder ??= ownFolder();
  } catch {
    return undefined; // nowhere to put it
  }
  return folder.length + longestName > longestSocketPath ? undefined : folder;
}

function nextPath(): string | undefined {
  const within = socketFolder();
  return within === undefined ? undefined : join(within, String(++lastNumber));
}

function ownFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'foreshard-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}
