import type { JSONPathQuery } from 'json-p3';
import { brotliDecompressSync, brotliCompressSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { bytesOf, byteString, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import type { Pseudonyms } from './pseudonym.ts';

/** A value as JSON.parse makes it. */
type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A rule that replaces what it matches. */
export interface CompiledPattern {
  /** With the flags `g` and `d`. */
  readonly expression: RegExp;
  /** As in String.replace; undefined: the pseudonym of the groups, or of the whole match where there are none. */
  readonly replace: string | undefined;
}

/** Compressed bodies are opened up to this size; a larger one is replaced as a whole rather than let through unseen. */
const longestOpenedBytes = 512 * 1024 * 1024;

/** Redacts text: by patterns everywhere, by JSONPath where the text is JSON. */
export class TextRedactor {
  readonly #pseudonyms: Pseudonyms;
  readonly #patterns: readonly CompiledPattern[];
  readonly #paths: readonly JSONPathQuery[];

  constructor(options: { readonly pseudonyms: Pseudonyms; readonly patterns: readonly CompiledPattern[]; readonly paths: readonly JSONPathQuery[] }) {
    this.#pseudonyms = options.pseudonyms;
    this.#patterns = options.patterns;
    this.#paths = options.paths;
  }

  /** Patterns alone: names, messages, header values. */
  plain(text: ByteString): ByteString {
    let out = text;
    for (const { expression, replace } of this.#patterns) {
      out = replace === undefined ? this.#replaceMatches(out, expression) : out.replace(expression, replace);
    }
    return out;
  }

  /** A request target or form: also what is percent-encoded in its parts. */
  target(text: ByteString): ByteString {
    return this.plain(text).split(/([/?&=;#])/).map((part) => (/[%+]/.test(part) ? this.#encodedPart(part) : part)).join('');
  }

  /** A body or a value in the state: JSON, a form, compressed, or any bytes. */
  content(text: ByteString): ByteString {
    const opened = openCompressed(text);
    if (opened !== undefined) {
      if (opened === 'too large') return this.#pseudonyms.of(text);
      const redacted = this.content(opened.text);
      return redacted === opened.text ? text : opened.close(redacted);
    }
    const redacted = text.includes('%') && text.length < 1e6 && /^[\w.~%+&=*!'()@:,;/?$-]+$/.test(text) ? this.target(text) : this.plain(text);
    return this.#json(redacted);
  }

  /** Replaces all of it: the leaves of JSON, anything else as it is. */
  secret(text: ByteString): ByteString {
    const value = parseJson(text);
    if (value === undefined) return this.#pseudonyms.of(text);
    return utf8ByteString(JSON.stringify(this.#leaves(value)));
  }

  #encodedPart(part: ByteString): ByteString {
    const decoded = part.replaceAll('+', ' ').replace(/%([0-9a-f]{2})/gi, (_whole, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
    const redacted = this.plain(decoded);
    return redacted === decoded ? part : redacted.replace(/[^\w.~-]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  }

  #replaceMatches(text: ByteString, expression: RegExp): ByteString {
    let out = '';
    let done = 0;
    for (const match of text.matchAll(expression)) {
      const spans = match.length > 1 ? (match.indices ?? []).slice(1) : [match.indices?.[0]];
      for (const span of spans) {
        if (span === undefined || span[0] < done || span[0] === span[1]) continue;
        out += text.slice(done, span[0]) + this.#pseudonyms.of(text.slice(span[0], span[1]));
        done = span[1];
      }
    }
    return done === 0 ? text : out + text.slice(done);
  }

  #json(text: ByteString): ByteString {
    const escaped = this.#patterns.length > 0 && text.includes('\\');
    if (this.#paths.length === 0 && !escaped) return text;
    const value = parseJson(text);
    if (value === undefined) return text;
    const root = { value: structuredClone(value) };
    for (const path of this.#paths) {
      for (const node of path.query(root.value)) this.#replaceAt(root, node.location);
    }
    if (escaped) root.value = this.#strings(root.value);
    const redacted = JSON.stringify(root.value);
    return redacted === JSON.stringify(value) ? text : utf8ByteString(redacted);
  }

  #replaceAt(root: { value: Json }, location: readonly (string | number)[]): void {
    let holder: Record<string | number, Json> = root;
    let name: string | number = 'value';
    for (const step of location) {
      holder = holder[name] as Record<string | number, Json>;
      name = step;
    }
    holder[name] = this.#leaves(holder[name] as Json);
  }

  /** Every string and number replaced, names and structure kept. */
  #leaves(value: Json): Json {
    if (typeof value === 'string') return this.#pseudonyms.of(utf8ByteString(value));
    if (typeof value === 'number') return numberLike(value, this.#pseudonyms.of(String(value)));
    return mapChildren(value, (child) => this.#leaves(child));
  }

  /** Patterns on every string as it is once its escapes are gone. */
  #strings(value: Json): Json {
    if (typeof value !== 'string') return mapChildren(value, (child) => this.#strings(child));
    const bytes = utf8ByteString(value);
    const redacted = this.plain(bytes);
    return redacted === bytes ? value : bytesOf(redacted).toString('utf8');
  }
}

/** A compiled JSONPath (RFC 9535). Throws what json-p3 throws for a wrong one. */
export { compile as compileJsonPath } from 'json-p3';

function mapChildren(value: Json, change: (child: Json) => Json): Json {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, child]) => [name, change(child)]));
}

function numberLike(value: number, text: string): number {
  const number = Number(text);
  return Number.isFinite(number) ? number : Math.sign(value);
}

function parseJson(text: ByteString): Json | undefined {
  if (!/^\s*[{["]/.test(text)) return undefined;
  try {
    return JSON.parse(bytesOf(text).toString('utf8')) as Json;
  } catch {
    return undefined;
  }
}

type Opened = { readonly text: ByteString; readonly close: (text: ByteString) => ByteString };

/** What is inside gzip, zlib or brotli; undefined when it is none of them. Brotli has no magic: it is tried on what is not text. */
function openCompressed(text: ByteString): Opened | 'too large' | undefined {
  const bytes = bytesOf(text);
  const limit = { maxOutputLength: longestOpenedBytes };
  const first = bytes[0] ?? 0;
  try {
    if (first === 0x1f && bytes[1] === 0x8b) return opened(gunzipSync(bytes, limit), gzipSync);
    if ((first & 15) === 8 && bytes.length > 6 && bytes.readUInt16BE(0) % 31 === 0) return opened(inflateSync(bytes, limit), deflateSync);
    if (bytes.length > 3 && bytes.toString('utf8').includes('\uFFFD')) return opened(brotliDecompressSync(bytes, limit), brotliCompressSync);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? 'too large' : undefined;
  }
  return undefined;
}

function opened(bytes: Buffer, compress: (bytes: Uint8Array) => Buffer): Opened {
  return { text: byteString(bytes), close: (text) => byteString(compress(bytesOf(text))) };
}
