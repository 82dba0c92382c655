import type { PreloadMessage } from '../model/preload-protocol.ts';
import type { ControlServer } from './control-server.ts';

/** A listener that the preload reported. */
export interface ReportedListener {
  readonly pid: number;
  readonly host: string;
  readonly port: number;
  /** The port in the service's code. */
  readonly asked: number;
  /** A Unix socket that leads there too. */
  readonly path?: string;
}

/** A connection of the service to somewhere no gateway stands for. */
export interface DirectConnection {
  readonly host: string;
  readonly port: number;
  /** How many were opened. */
  readonly count: number;
}

/** What the preloads in one instance's processes have said. */
export class PreloadLink {
  readonly listeners: ReportedListener[] = [];
  /** Processes the preload is in. */
  readonly greeted: Set<number> = new Set();
  /** Patches that failed inside the service, in words. */
  problems: readonly string[] = [];
  readonly #direct = new Map<string, { host: string; port: number; count: number }>();
  /** Tags whose idle message has come, and what waits for the others. */
  readonly #idle = new Map<string, 'idle' | ((idle: boolean) => void)>();
  #over = false;
  readonly #unsubscribe: () => void;
  readonly #unattributed = new Set<string>();
  #onUnattributed: (client: string) => void = () => {};
  #onDirect: ((connection: { host: string; port: number; tag: string | null }) => void) | null = null;

  constructor(control: ControlServer, instance: string) {
    this.#unsubscribe = control.subscribe(instance, (message) => this.#hear(message));
  }

  /** Resolves with true at the idle message of this tag, at once when it has come before; with false after `timeoutMs` or {@link end}. */
  idle(tag: string, timeoutMs: number): Promise<boolean> {
    if (this.#idle.get(tag) === 'idle') return Promise.resolve(true);
    if (this.#over) return Promise.resolve(false);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#idle.delete(tag);
        resolve(false);
      }, timeoutMs);
      this.#idle.set(tag, (idle) => {
        clearTimeout(timer);
        resolve(idle);
      });
    });
  }

  /** The instance has ended: nothing more will come. */
  end(): void {
    this.#over = true;
    for (const waiting of this.#idle.values()) {
      if (waiting !== 'idle') waiting(false);
    }
  }

  /** Frees what is kept for a tag. */
  forget(tag: string): void {
    this.#idle.delete(tag);
  }

  /** Direct connections so far, one entry per address. */
  get direct(): readonly DirectConnection[] {
    return [...this.#direct.values()];
  }

  /** Calls back for every direct connection from now on and, at once, for every address seen before. */
  onDirect(listener: (connection: { host: string; port: number; tag: string | null }) => void): void {
    this.#onDirect = listener;
    for (const { host, port } of this.#direct.values()) listener({ host, port, tag: null });
  }

  /** Calls back once for every Redis client whose commands can't be told from one another, also for those known already. */
  onUnattributed(listener: (client: string) => void): void {
    this.#onUnattributed = listener;
    for (const client of this.#unattributed) listener(client);
  }

  /** A connection to where no gateway stands was made. */
  noteDirect({ host, port }: { readonly host: string; readonly port: number }, tag: string | null = null): void {
    const key = `${host}:${port}`;
    const entry = this.#direct.get(key) ?? { host, port, count: 0 };
    entry.count++;
    this.#direct.set(key, entry);
    this.#onDirect?.({ host, port, tag });
  }

  close(): void {
    this.#unsubscribe();
  }

  #heardIdle(tag: string): void {
    const waiting = this.#idle.get(tag);
    this.#idle.set(tag, 'idle');
    if (typeof waiting === 'function') waiting(true);
  }

  #hear(message: PreloadMessage): void {
    switch (message.type) {
      case 'hello':
        this.greeted.add(message.pid);
        if (message.problems !== undefined) this.problems = message.problems;
        break;
      case 'listening':
        this.listeners.push({ pid: message.pid, host: message.host, port: message.port, asked: message.asked, ...(message.path === undefined ? {} : { path: message.path }) });
        break;
      case 'idle':
        this.#heardIdle(message.tag);
        break;
      case 'direct':
        this.noteDirect(message, message.tag);
        break;
      case 'unattributed':
        if (this.#unattributed.has(message.client)) break;
        this.#unattributed.add(message.client);
        this.#onUnattributed(message.client);
        break;
    }
  }
}
