/** Where connections go instead: the tool's redirects, and listeners of this process that were moved to another port. */
import type { Redirect } from '../model/preload-protocol.ts';

/** The answer for one address. `own`: a listener of this process. */
export interface Target {
  readonly kind: Redirect['kind'] | 'own';
  readonly host: string;
  readonly port: number;
  /** A Unix socket that leads there too. */
  readonly path?: string;
}

const loopbackNames = new Set(['localhost', '127.0.0.1', '::1', '0.0.0.0', '::', '', '::ffff:127.0.0.1', 'localhost.', 'ip6-localhost']);

/** One name for one place: names in lower case, and one for all ways to say "this machine". */
export function canonicalHost(host: string): string {
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  const lower = bare.toLowerCase();
  return loopbackNames.has(lower) ? 'localhost' : lower;
}

/** True where an address is on this machine, whichever of the loopback addresses it is. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === 'localhost' || /^127\.[\d.]+$/.test(canonical);
}

function addressOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

/** Looks addresses up. What the tool redirects wins over listeners of this process. */
export class RedirectTable {
  private readonly redirects = new Map<string, Target>();
  private readonly own = new Map<string, Target>();
  /** True if any redirect leads to a Redis gateway. */
  readonly hasRedis: boolean;

  constructor(redirects: readonly Redirect[]) {
    // Where a gateway's own address stands in the service's configuration already, the connection is none the less one to a gateway.
    for (const { kind, to } of redirects) this.redirects.set(`${canonicalHost(to.host)}:${to.port}`, { kind, ...to });
    for (const { kind, from, to } of redirects) {
      const { host, port } = addressOf(from);
      this.redirects.set(`${canonicalHost(host)}:${port}`, { kind, ...to });
    }
    // The environment may name the gateways themselves: what goes there goes to a gateway too.
    for (const { kind, to } of redirects) {
      const key = `${canonicalHost(to.host)}:${to.port}`;
      if (!this.redirects.has(key)) this.redirects.set(key, { kind, ...to });
    }
    this.hasRedis = redirects.some(redirect => redirect.kind === 'redis');
  }

  /** Notes a listener of this process: what it asked for, and where it really listens. */
  addListener(host: string, askedPort: number, realPort: number): void {
    const canonical = canonicalHost(host);
    const target: Target = { kind: 'own', host: canonical === 'localhost' ? '127.0.0.1' : host, port: realPort };
    this.own.set(`${canonical}:${askedPort}`, target);
    this.own.set(`${canonical}:${realPort}`, target);
  }

  /** Forgets a listener that closed. */
  removeListener(host: string, askedPort: number, realPort: number): void {
    const canonical = canonicalHost(host);
    for (const port of [askedPort, realPort]) {
      if (this.own.get(`${canonical}:${port}`)?.port === realPort) this.own.delete(`${canonical}:${port}`);
    }
  }

  /** Whether a call to host:port says which request it belongs to. */
  carriesTag(host: string, port: number): boolean {
    const kind = this.find(host, port)?.kind;
    return kind === 'http' || kind === 'own';
  }

  /** Where a connection to host:port goes; undefined: where it says. */
  find(host: string, port: number): Target | undefined {
    const key = `${canonicalHost(host)}:${port}`;
    const found = this.redirects.get(key) ?? this.own.get(key);
    if (found !== undefined || !isLoopback(host)) return found;
    return this.own.get(`localhost:${port}`);
  }
}
