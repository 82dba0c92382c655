import type { Header } from '../../model/recording.ts';

/** Headers that speak about one connection and never travel further (RFC 9110 §7.6.1), and `expect`, which each hop answers for itself. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'proxy-connection', 'te', 'trailer', 'expect',
]);

/** Pairs of Node.js's flat raw list (`name, value, name, value …`), order, case and repeats kept. */
export function headerPairs(flat: readonly string[]): Header[] {
  const pairs: Header[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([flat[i] as string, flat[i + 1] as string]);
  return pairs;
}

/** Pairs of undici's flat list of buffers. Header bytes are latin1 on the wire. */
export function headerPairsOfBuffers(flat: readonly (Buffer | string)[]): Header[] {
  const pairs: Header[] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) pairs.push([latin1(flat[i]), latin1(flat[i + 1])]);
  return pairs;
}

function latin1(part: Buffer | string | undefined): string {
  return typeof part === 'string' ? part : (part?.toString('latin1') ?? '');
}

/** The first value of a header by its lower-case name; null when it is not there. */
export function headerValue(headers: readonly Header[], lowerName: string): string | null {
  for (const [name, value] of headers) {
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return value;
  }
  return null;
}

/** Options of {@link forwardable}. */
export interface ForwardableOptions {
  /** Lower-case names to leave out as well. */
  readonly without?: ReadonlySet<string>;
}

/**
 * The headers that may travel on, as the flat list undici and `writeHead` take: without the hop-by-hop ones and those that `connection` names.
 */
export function forwardable(headers: readonly Header[], options: ForwardableOptions = {}): string[] {
  const named = connectionNamed(headers);
  const flat: string[] = [];
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.has(lower) === true || options.without?.has(lower) === true) continue;
    flat.push(name, value);
  }
  return flat;
}

function connectionNamed(headers: readonly Header[]): Set<string> | null {
  let named: Set<string> | null = null;
  for (const [name, value] of headers) {
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue;
    for (const token of value.toLowerCase().split(',')) {
      const word = token.trim();
      // host, content-length and cookies are never one connection's affair, whatever a client says
      if (word === '' || word === 'close' || word === 'host' || word === 'content-length' || word === 'cookie') continue;
      (named ??= new Set()).add(word);
    }
  }
  return named;
}

/** For undici: the request's headers, one host (the first), `content-length` only as the body has it. */
export function requestHeaders(headers: readonly Header[], options: { readonly keepLength: boolean }): string[] {
  const flat = forwardable(headers);
  const out: string[] = [];
  let host = false;
  let length = false;
  for (let i = 0; i < flat.length; i += 2) {
    const name = flat[i] as string;
    const lower = name.toLowerCase();
    if (lower === 'host') {
      if (host) continue; // undici refuses a second one, as every server does
      host = true;
    } else if (lower === 'content-length') {
      if (length || !options.keepLength) continue;
      length = true;
    }
    out.push(name, flat[i + 1] as string);
  }
  return out;
}
