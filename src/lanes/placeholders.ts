import type { Redirect } from '../model/preload-protocol.ts';
import type { PlaceholderValues } from './environment.ts';

/**
 * What placeholders stand for, given where the gateways are: `{redis.host}`, `{redis.port}`, `{redis.url}` for the first Redis,
 * `{redis.NAME.url}` for each by name, `{http.NAME.url}` and so on, `{port}` for the port to listen on.
 */
export function placeholderValues(redirects: readonly Redirect[], port: number | null): PlaceholderValues {
  const values: Record<string, string> = {};
  if (port !== null) values['port'] = String(port);
  for (const { kind, name, to } of redirects) {
    const host = to.host.includes(':') ? `[${to.host}]` : to.host;
    const entries = { host: to.host, port: String(to.port), url: `${kind === 'http' ? 'http' : 'redis'}://${host}:${to.port}` };
    for (const [what, value] of Object.entries(entries)) {
      if (kind === 'redis') values[`redis.${what}`] ??= value;
      if (name !== undefined) values[`${kind}.${name}.${what}`] = value;
    }
  }
  return values;
}

/** The redirects that the command or the environment speaks of by placeholder. */
export function placedRedirects(redirects: readonly Redirect[], texts: readonly string[]): Set<Redirect> {
  const firstRedis = redirects.find(({ kind }) => kind === 'redis');
  return new Set(redirects.filter((redirect) => {
    const prefixes = redirect.name === undefined ? [] : [`{${redirect.kind}.${redirect.name}.`];
    if (redirect === firstRedis) prefixes.push('{redis.host}', '{redis.port}', '{redis.url}');
    return texts.some((text) => prefixes.some((prefix) => text.includes(prefix)));
  }));
}
