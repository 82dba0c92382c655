import { chmodSync, closeSync, existsSync, fchmodSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withTcp } from './ports.ts';
import { readProc, readWholeProc } from './proc.ts';

/**
 * The time of day in a service that is not Node.js: libfaketime, where it is installed, adds to the clock what a file of the lane says, and
 * reads that file anew for every look at the clock (7 µs). So a case begins at the time its request was recorded, and time runs on from there.
 * Monotonic clocks stay real, and with them sleeps and timeouts. Programs that ask the kernel directly (static binaries, Go) are not reached: what
 * the processes have loaded says so.
 */

const libraryName = 'libfaketimeMT.so.1'; // the one for programs with threads

/** Where distributions put it. */
function installedLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const machines: readonly string[] = existsSync('/usr/lib') ? readdirSync('/usr/lib').filter((name) => name.endsWith('-linux-gnu')).map((name) => `/usr/lib/${name}`) : [];
  return [...machines, '/usr/lib64', '/usr/lib', '/usr/local/lib'].map((folder) => join(folder, 'faketime', libraryName)).find((file) => existsSync(file));
}

/** Functions for which libfaketime's version is worse than none: {@link withoutWaits}. */
const brokenWaits = ['clock_nanosleep', 'timerfd_settime', 'timerfd_gettime'] as const;

/**
 * libfaketime 0.9.10 translates points of the monotonic clock too: Python 3.11's `time.sleep` fails with EINVAL, and a timer of Boost.Asio that is due
 * at once never fires. Under another name in its table of symbols its version of a function is never found, and the C library's own is called.
 */
export function withoutWaits(library: Buffer): Buffer {
  let patched = library;
  for (const name of brokenWaits) {
    const sought = `\0${name}\0`;
    const at = library.indexOf(sought, 0, 'latin1');
    // the first is the symbol; the second, by which it looks for the real one, must stay
    if (at < 0 || library.indexOf(sought, at + 1, 'latin1') < 0) continue;
    if (patched === library) patched = Buffer.from(library);
    patched.write('unused', at + 1, 'latin1'); // the end stays: shorter names may be kept in it
  }
  return patched;
}

interface Prepared {
  readonly folder: string;
  readonly library: string;
}

let prepared: Prepared | undefined;
let openClocks = 0;
let armed = false;
let lastNumber = 0;

function prepare(): Prepared | undefined {
  const installed = installedLibrary();
  if (installed === undefined) return undefined;
  try {
    const folder = mkdtempSync(join(tmpdir(), 'foreshard-clock-'));
    if (!armed) process.once('exit', clear);
    armed = true;
    chmodSync(folder, 0o755); // a service may give up its rights after its start
    const library = join(folder, libraryName);
    writeFileSync(library, withoutWaits(readFileSync(installed)));
    chmodSync(library, 0o644);
    return { folder, library };
  } catch {
    return undefined; // nowhere to put it: the clock stays real
  }
}

function clear(): void {
  if (prepared !== undefined) rmSync(prepared.folder, { recursive: true, force: true });
  prepared = undefined;
}

/** Begins the note with the build id that the Go linker leaves near the start of a program: name of 4 bytes, any length up to 255, type 4, `Go`. */
const goNote = /\x04\0\0\0.\0\0\0\x04\0\0\0Go\0\0/s;

/** What libfaketime says before it hangs: in programs whose memory allocator looks at the clock first (jemalloc). */
export const cannotStart: RegExp = /^libfaketime: Cannot recover from unexpected recursive calls/m;

/** Go's runtime asks the kernel for the time whatever libraries are loaded. */
export function asksKernel(program: string): boolean {
  return goNote.test(readProc(program) ?? '');
}

/** Digits before and after the point, so that every setting is as long as the one it overwrites. */
const wholeDigits = 12;

function written(offsetMs: number): string {
  const [whole = '0', part = '0'] = (Math.abs(offsetMs) / 1000).toFixed(3).split('.');
  return `${offsetMs < 0 ? '-' : '+'}${whole.padStart(wholeDigits, '0')}.${part}\n`;
}

/** The clock of one instance. */
export class FakeClock {
  readonly #library: string;
  readonly #file: string;
  readonly #fd: number;

  private constructor(library: string, file: string) {
    this.#library = library;
    this.#file = file;
    this.#fd = openSync(file, 'w');
    fchmodSync(this.#fd, 0o644);
  }

  /** A clock that is `offsetMs` ahead of the real one; null where libfaketime is not installed. */
  static create(offsetMs: number): FakeClock | null {
    prepared ??= prepare();
    if (prepared === undefined) return null;
    openClocks++;
    const clock = new FakeClock(prepared.library, join(prepared.folder, `${++lastNumber}`));
    clock.#shift(offsetMs);
    return clock;
  }

  /** What the instance's environment needs, given what it preloads already. */
  environment(preloaded: string): Record<string, string> {
    return {
      LD_PRELOAD: preloaded === '' ? this.#library : `${this.#library}:${preloaded}`,
      FAKETIME_TIMESTAMP_FILE: this.#file, FAKETIME_NO_CACHE: '1', NO_FAKE_STAT: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', // its name until 0.9.9
      FAKETIME_DISABLE_SHM: '1', // from 0.9.11 on: processes share nothing
      FAKETIME_FORCE_MONOTONIC_FIX: '0', // else a wait until a point of the steady clock returns at once or never with a C library that needs no fix
    };
  }

  /** Whether all of these processes that speak TCP ask it for the time: they have the library in them, and it is asked through the library. */
  isAskedBy(pids: readonly number[]): boolean {
    const speaking = withTcp(pids);
    const concerned = speaking.length === 0 ? pids : speaking;
    return concerned.length > 0 && concerned.every((pid) => readWholeProc(`/proc/${pid}/maps`)?.includes(this.#library) === true && !asksKernel(`/proc/${pid}/exe`));
  }

  /** Makes it `unixMs` now. */
  set(unixMs: number): void {
    this.#shift(unixMs - Date.now());
  }

  /** Removes its file. `pids`: the processes that ran by it, which leave shared memory behind where they were killed. */
  close(pids: Iterable<number>): void {
    closeSync(this.#fd);
    rmSync(this.#file, { force: true });
    if (--openClocks === 0) clear();
    for (const pid of pids) {
      for (const name of [`faketime_shm_${pid}`, `sem.faketime_sem_${pid}`]) rmSync(join('/dev/shm', name), { force: true });
    }
  }

  #shift(offsetMs: number): void {
    writeSync(this.#fd, written(offsetMs), 0, 'latin1');
  }
}
