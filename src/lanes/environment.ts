import { ForeshardError } from '../model/errors.ts';
import type { Redirect } from '../model/preload-protocol.ts';

/** What `{name}` stands for in commands and environment values, by name: `port`, `redis.host`, `redis.port`, `redis.url`, `http.catalogue.url` … */
export type PlaceholderValues = Readonly<Record<string, string>>;

/** Our names only, so that JSON and shell text with other braces stay as they are. */
const placeholder = /\{(port|(?:redis|http|memcached)(?:\.[\w-]+)+)\}/g;

/**
 * Fills in placeholders.
 * @throws ForeshardError `config_invalid` for one that has no value, naming those that have
 */
export function fillPlaceholders(text: string, values: PlaceholderValues): string {
  return text.replace(placeholder, (whole, name: string) => {
    const value = values[name];
    if (value !== undefined) return value;
    const known = Object.keys(values).map((key) => `{${key}}`).join(' ');
    throw new ForeshardError('config_invalid', `${whole} in ${JSON.stringify(text)} stands for nothing`, {
      hint: known === '' ? 'no state servers or dependencies are configured' : `known here: ${known}`,
    });
  });
}

/** The placeholder is used somewhere in the command or the environment. */
export function usesPlaceholder(name: string, command: readonly string[], env: Readonly<Record<string, string>>): boolean {
  return [...command, ...Object.values(env)].some((text) => text.includes(`{${name}}`));
}

const loopbackNames = ['localhost', '127.0.0.1', '[::1]', '::1'];

/** Every way to write this host: the names of the loopback are one. */
function spellings(host: string): readonly string[] {
  return loopbackNames.includes(host.toLowerCase()) ? loopbackNames : [host];
}

/** Host and port of `host:port`. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(colon + 1)) };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A text with a redirect's address in it, at its borders: not inside a longer host name or port. */
function addressPattern(redirect: Redirect): RegExp {
  const { host, port } = splitAddress(redirect.from);
  return new RegExp(`(?<![\\w.-])(?:${spellings(host).map(escaped).join('|')}):${port}(?!\\d)`, 'gi');
}

/** Texts with addresses led elsewhere, and which redirects took hold. */
export interface Led<T> {
  readonly value: T;
  readonly led: ReadonlySet<Redirect>;
}

/** Replaces every redirect's address in the arguments of a command. */
export function leadCommand(command: readonly string[], redirects: readonly Redirect[]): Led<string[]> {
  const led = new Set<Redirect>();
  const value = command.map((word) => leadText(word, redirects, led));
  return { value, led };
}

/**
 * Replaces every redirect's address in the values of an environment: written as `host:port` in one value, or as a pair of variables
 * such as `REDIS_HOST` and `REDIS_PORT`. A port alone is replaced where the host left out can only be this machine.
 */
export function leadEnvironment(env: Readonly<Record<string, string>>, redirects: readonly Redirect[]): Led<Record<string, string>> {
  const led = new Set<Redirect>();
  const value: Record<string, string> = {};
  for (const [name, text] of Object.entries(env)) value[name] = leadText(text, redirects, led);
  for (const redirect of redirects) leadPairs(env, value, redirect, led);
  return { value, led };
}

function leadText(text: string, redirects: readonly Redirect[], led: Set<Redirect>): string {
  let out = text;
  for (const redirect of redirects) {
    out = out.replace(addressPattern(redirect), () => {
      led.add(redirect);
      return `${redirect.to.host}:${redirect.to.port}`;
    });
  }
  return out;
}

const hostWords = ['HOST', 'HOSTNAME', 'ADDR', 'ADDRESS', 'SERVER'];

function leadPairs(env: Readonly<Record<string, string>>, value: Record<string, string>, redirect: Redirect, led: Set<Redirect>): void {
  const { host, port } = splitAddress(redirect.from);
  const names = spellings(host);
  for (const [name, text] of Object.entries(env)) {
    const prefix = /^(.+[_-])PORT$/i.exec(name)?.[1];
    if (prefix === undefined || text.trim() !== String(port)) continue;
    const partners = Object.keys(env).filter((other) => hostWords.some((word) => other.toUpperCase() === `${prefix.toUpperCase()}${word}`));
    const matching = partners.filter((partner) => names.includes((env[partner] ?? '').trim().toLowerCase()));
    const bare = partners.length === 0 && names.length > 1 && redirect.to.host === '127.0.0.1' && prefix.toUpperCase().includes(redirect.kind.toUpperCase());
    if (matching.length === 0 && !bare) continue;
    for (const partner of matching) value[partner] = redirect.to.host;
    value[name] = String(redirect.to.port);
    led.add(redirect);
  }
}

/**
 * The variables of an environment that name one of these addresses, in one value or as a pair such as REDIS_HOST and REDIS_PORT: a replay from
 * another shell needs them to find the gateways. Passwords in URLs are left out.
 */
export function addressVariables(addresses: readonly string[], environment: NodeJS.ProcessEnv): Record<string, string> {
  const found: Record<string, string> = {};
  const given = Object.fromEntries(Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined));
  // A variable that changes when the address is led elsewhere is one that names it; a host or a port alone may be the same there.
  for (const to of [{ host: '127.0.0.1', port: 1 }, { host: '127.0.0.2', port: 1 }]) {
    const { value } = leadEnvironment(given, addresses.map((from) => ({ kind: 'redis', from, to })));
    for (const [name, text] of Object.entries(given)) if (value[name] !== text) found[name] = text.replace(/\/\/[^/@\s]*@/, '//');
  }
  return found;
}

const proxyVariables = ['http_proxy', 'https_proxy', 'all_proxy'];

/**
 * What to add to an environment that sends HTTP through a proxy, so that calls to these hosts go past it: to the gateways, not to the proxy.
 * Empty where there is no proxy.
 */
export function pastProxies(env: Readonly<Record<string, string>>, hosts: readonly string[]): Record<string, string> {
  if (!Object.entries(env).some(([name, value]) => value !== '' && proxyVariables.includes(name.toLowerCase()))) return {};
  const added: Record<string, string> = {};
  for (const name of ['no_proxy', 'NO_PROXY']) {
    const before = env[name] ?? env[name === 'no_proxy' ? 'NO_PROXY' : 'no_proxy'] ?? '';
    added[name] = [...new Set([...before.split(',').map((host) => host.trim()), 'localhost', ...hosts])].filter((host) => host !== '').join(',');
  }
  return added;
}
