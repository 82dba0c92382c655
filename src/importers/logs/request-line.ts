import type { ByteString } from '../../lib/bytes.ts';

/** Method and target of a request. */
export interface RequestLine {
  readonly method: string;
  readonly target: ByteString;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v' };

/** A field of a log as it was before it was escaped: `\"`, `\\`, `\xNN` (Apache, nginx), `\uNNNN` (nginx with escape=json). */
export function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([\s\S]))/g, (_, byte: string | undefined, unit: string | undefined, char: string) =>
    byte !== undefined || unit !== undefined ? String.fromCharCode(Number.parseInt((byte ?? unit) as string, 16)) : (escapes[char] ?? char));
}

/**
 * Method and target of a request line out of a log, escaped as it stands there; undefined where it is none: `-`, the start of a TLS
 * handshake, the HTTP/2 preface, what scanners send.
 */
export function parseRequestLine(text: string): RequestLine | undefined {
  const space = text.indexOf(' ');
  const protocol = text.lastIndexOf(' HTTP/');
  if (space <= 0) return undefined;
  // HTTP/0.9 has no protocol, and then nothing may follow the target
  const end = protocol > space ? protocol : text.length;
  return requestOf(text.slice(0, space), text.slice(space + 1, end), protocol > space);
}

/** Method and target, each escaped as it stands in the log; undefined where they are none. */
export function requestOf(method: string, escapedTarget: string, mayHaveSpaces = true): RequestLine | undefined {
  if (!/^[A-Za-z][A-Za-z_-]{0,31}$/.test(method) || method === 'PRI') return undefined;
  const target = unescaped(escapedTarget);
  if (!mayHaveSpaces && target.includes(' ')) return undefined;
  const isTarget = target.startsWith('/') || target === '*' || /^[a-z][a-z0-9+.-]*:\/\/./i.test(target) || (method === 'CONNECT' && /^[^\s/]+:\d+$/.test(target));
  return isTarget ? { method, target } : undefined;
}
