import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What the kernel takes for a socket's path: 104 bytes with its end on macOS, 108 on Linux. */
const longestPath = 103;

let folder: string | undefined;
let lastNumber = 0;

/**
 * Makes a server listen on a Unix socket of its own, in a folder that only this user may enter: for a service on the same machine
 * a round trip costs both ends half of what TCP costs. Returns its path; undefined where there is no such thing (Windows, a long path).
 */
export async function listenOnLocalSocket(server: Server): Promise<string | undefined> {
  const path = nextPath();
  if (path === undefined) return undefined;
  return new Promise((resolve) => {
    const failed = (): void => resolve(undefined);
    server.once('error', failed);
    server.listen({ path }, () => {
      server.off('error', failed);
      resolve(path);
    });
  });
}

function nextPath(): string | undefined {
  if (process.platform === 'win32') return undefined;
  try {
    folder ??= ownFolder();
  } catch {
    return undefined; // nowhere to put it
  }
  const path = join(folder, String(++lastNumber));
  return path.length > longestPath ? undefined : path;
}

function ownFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'foreshard-'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  return made;
}
