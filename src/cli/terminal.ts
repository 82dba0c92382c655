import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { ForeshardError } from '../model/errors.ts';
import { loadConfig, type ForeshardConfig } from '../config/config.ts';

/** Where a command leaves its exit code. */
export interface Exit {
  code: number;
}

/** One status line that is rewritten on a terminal, and printed now and then where there is none. */
export class StatusLine {
  readonly #stream: NodeJS.WriteStream;
  #last = 0;
  #shown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  /** Shows this text; not more often than ten times a second, on no terminal every five seconds. */
  update(text: string): void {
    const now = performance.now();
    if (now - this.#last < (this.#stream.isTTY ? 100 : 5000)) return;
    this.#last = now;
    this.#stream.write(this.#stream.isTTY ? `\r\u001B[2K${text}` : `${text}\n`);
    this.#shown = this.#stream.isTTY;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) this.#stream.write('\r\u001B[2K');
    this.#shown = false;
    this.#last = 0;
  }
}

/** The configuration for a command, from --config or the current folder. */
export async function configFor(command: Command): Promise<{ readonly config: ForeshardConfig; readonly folder: string }> {
  const { config } = command.optsWithGlobals<{ config?: string }>();
  return loadConfig(process.cwd(), config);
}

/** Writes a file that was asked for, with the folders above it; `-` is standard output. @throws ForeshardError `usage` */
export async function writeOutput(path: string, content: string | Uint8Array): Promise<void> {
  if (path === '-') {
    process.stdout.write(content);
    return;
  }
  try {
    await mkdir(dirname(resolve(path)), { recursive: true });
    await writeFile(path, content);
  } catch (error) {
    throw new ForeshardError('usage', `${path} cannot be written: ${(error as Error).message}`, { hint: 'name a file in a folder that can be written to', cause: error });
  }
}

/** A commander parser for whole numbers of a range, 1 to 1024 unless given. */
export function wholeNumber(flag: string, { from = 1, to = 1024 }: { readonly from?: number; readonly to?: number } = {}): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < from || value > to) throw new ForeshardError('usage', `${flag} ${text} is not a whole number from ${from} to ${to}`);
    return value;
  };
}

/** A commander parser for ports; 0 where any free one is meant. */
export function portNumber(flag: string): (text: string) => number {
  return wholeNumber(flag, { from: 0, to: 65_535 });
}

/** A commander parser for paths of the service. */
export function pathName(flag: string): (text: string) => string {
  return (text) => {
    if (!text.startsWith('/')) throw new ForeshardError('usage', `${flag} ${text} is not a path`, { hint: `it begins with a slash, for example ${flag} /health` });
    return text;
  };
}

/** Collects a repeatable option. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

const interruptions = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Aborts at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. */

export function interruptible(): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  for (const name of interruptions) process.on(name, onSignal);
  return {
    signal: controller.signal,
    release: () => {
      for (const name of interruptions) process.off(name, onSignal);
    },
  };
}

/** 1536 → `1.5 KB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(1)} ${units[unit]}`;
}
