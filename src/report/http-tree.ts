import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { byteString, bytesOf, type ByteString } from '../lib/bytes.ts';
import type { Header } from '../model/recording.ts';
import { bytesTree, decodeText, parseJson, textTree } from './read-tree.ts';
import { leaf, objectTree, type ObjectTree, type Tree } from './tree.ts';

/** Decoded bodies above this are compared as they came. */
const largestDecodedBytes = 256 * 1024 * 1024;

/** The bytes a body stands for once its Content-Encoding is undone; as they are where that fails. */
export function decodedBody(headers: readonly Header[], body: ByteString): ByteString {
  const codings = headerValues(headers, 'content-encoding').join(',').toLowerCase().split(',').map((coding) => coding.trim());
  let bytes: Buffer = bytesOf(body);
  try {
    for (const coding of codings.reverse()) bytes = undo(coding, bytes);
  } catch {
    return body; // not what the header says: compared as it is
  }
  return byteString(bytes);
}

function undo(coding: string, bytes: Buffer): Buffer {
  const options = { maxOutputLength: largestDecodedBytes };
  switch (coding) {
    case 'gzip': case 'x-gzip': return gunzipSync(bytes, options);
    case 'br': return brotliDecompressSync(bytes, options);
    case 'deflate': return ((bytes[0] ?? 0) & 0x0f) === 8 ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
    default: return bytes;
  }
}

/** A body as a tree: JSON whatever the content type says, form fields, text by lines, or binary; null when there is none. */
export function bodyTree(headers: readonly Header[], body: ByteString): Tree | null {
  if (body.length === 0) return null;
  const decoded = headerValues(headers, 'content-encoding').length === 0 ? body : decodedBody(headers, body);
  const text = decodeText(decoded);
  if (text === undefined) return bytesTree(decoded);
  const json = parseJson(text);
  if (json !== undefined) return json;
  if (/x-www-form-urlencoded/i.test(headerValues(headers, 'content-type')[0] ?? '')) return formTree(text);
  const lines = text.split(/\r?\n/);
  return lines.length === 1 ? textTree(text) : { kind: 'list', lines: true, items: lines.map((line) => textTree(line)) };
}

/** The values of one header, whatever its case. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  return headers.filter(([found]) => found.toLowerCase() === name).map(([, value]) => value);
}

/** Form fields or a query string by name; repeated names become a list. */
export function formTree(text: string): ObjectTree {
  const fields = new Map<string, Tree[]>();
  for (const [name, value] of new URLSearchParams(text)) fields.set(name, [...fields.get(name) ?? [], textTree(value)]);
  return objectTree([...fields].map(([name, values]) => [name, single(values)] as const));
}

function single(values: readonly Tree[]): Tree {
  return values.length === 1 ? values[0] as Tree : { kind: 'list', items: values };
}

/** Headers that belong to the connection or its hops, not to the answer. */
const perConnection: ReadonlySet<string> = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding', 'trailer', 'proxy-connection', 'upgrade']);

/** Response headers as an object by lower-case name; Set-Cookie by cookie name. Content-Length only where there is no body to compare. */
export function responseHeaderTree(headers: readonly Header[], hasBody: boolean): ObjectTree {
  const byName = new Map<string, string[]>();
  for (const [rawName, value] of headers) {
    const name = rawName.toLowerCase();
    if (perConnection.has(name) || (name === 'content-length' && hasBody)) continue;
    byName.set(name, [...byName.get(name) ?? [], value]);
  }
  return objectTree([...byName].map(([name, values]) => [name, name === 'set-cookie' ? setCookieTree(values) : single(values.map((value) => textTree(value)))] as const));
}

/** `{ [cookie name]: { value, path, maxage, … } }`. */
function setCookieTree(lines: readonly string[]): ObjectTree {
  const cookies = new Map<string, Tree[]>();
  for (const line of lines) {
    const [pair = '', ...attributes] = line.split(';');
    const equals = pair.indexOf('=');
    const name = pair.slice(0, equals < 0 ? pair.length : equals).trim();
    const parts: [string, Tree][] = [['value', textTree(unescapeCookie(equals < 0 ? '' : pair.slice(equals + 1).trim()))]];
    for (const attribute of attributes) {
      const [key = '', ...rest] = attribute.split('=');
      if (key.trim() !== '') parts.push([key.trim().toLowerCase(), leaf(rest.length === 0 ? true : rest.join('=').trim())]);
    }
    cookies.set(name, [...cookies.get(name) ?? [], objectTree(parts)]);
  }
  return objectTree([...cookies].map(([name, values]) => [name, single(values)] as const));
}

/** A cookie's value with %-escapes undone and the `j:` of Express taken off its JSON. */
function unescapeCookie(value: string): string {
  let text = value.replace(/^"(.*)"$/, '$1');
  try {
    text = decodeURIComponent(text);
  } catch {
    // a bare % is allowed in a cookie
  }
  return text.startsWith('j:') ? text.slice(2) : text;
}

/** Request headers of a dependency call that say something about the call rather than about the client library. */
export function callHeaderTree(headers: readonly Header[]): ObjectTree {
  const kept = headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (['authorization', 'content-type', 'accept', 'idempotency-key', 'if-match', 'if-none-match'].includes(lower)) return true;
    return lower.startsWith('x-') && !/^x-(?:forwarded|real-ip|b3-|datadog|amzn-trace|cloud-trace|trace|span|foreshard|request-start|envoy)/.test(lower);
  });
  return responseHeaderTree(kept, true);
}

/** A call's target as `{ path, query }`. */
export function targetTree(target: string): ObjectTree {
  const mark = target.indexOf('?');
  return objectTree(mark < 0
    ? [['path', leaf(target)]]
    : [['path', leaf(target.slice(0, mark))], ['query', formTree(target.slice(mark + 1))]]);
}
