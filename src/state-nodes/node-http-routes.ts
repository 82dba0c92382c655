import type { IncomingMessage, ServerResponse } from 'node:http';
import { printable, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { contentHash, type ContentHash } from '../lib/content-hash.ts';
import { ConditionFailed, slotNumber, type ElementApi, type ElementVersion, type WriteCondition } from './element-api.ts';
import type { EmbeddedStateNode } from './embedded-state-node.ts';
import { maxPayloadBytes } from './payloads.ts';
import { openApiDocument } from './openapi.ts';
import { prometheusText } from './prometheus-text.ts';

/** What the routes serve. */
export interface HttpServed {
  readonly node: EmbeddedStateNode;
  readonly elements: ElementApi;
  readonly about: { readonly id: string; readonly life: string; readonly zone: string; readonly version: string };
}

/** An answer, without the headers that every one has. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/** A request that is refused, with what to do about it. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: number;
  readonly code: string;
  readonly hint: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, more: { readonly hint?: string; readonly headers?: Readonly<Record<string, string>> } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = more.hint;
    this.headers = more.headers ?? {};
  }
}

interface Exchange {
  readonly served: HttpServed;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly key: ByteString;
  readonly query: URLSearchParams;
}

interface Route {
  readonly query: readonly string[];
  readonly run: (exchange: Exchange) => Promise<HttpAnswer> | HttpAnswer;
}

const json = { 'content-type': 'application/json' };

/** Path, as OpenAPI writes it → method → what it does. */
const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  '/elements/{key}': {
    GET: { query: ['revision'], run: getElement },
    HEAD: { query: ['revision'], run: getElement },
    PUT: { query: [], run: putElement },
    DELETE: { query: [], run: deleteElement },
  },
  '/elements': { GET: { query: ['slot', 'limit', 'after'], run: listElements } },
  '/stats': { GET: { query: [], run: async ({ served }) => ({ status: 200, headers: json, body: `${JSON.stringify({ ...await served.node.stats(), life: served.about.life })}\n` }) } },
  '/metrics': { GET: { query: [], run: async ({ served }) => ({ status: 200, headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }, body: prometheusText([await served.node.stats()]) }) } },
  '/health': { GET: { query: [], run: ({ served }) => ({ status: 200, headers: json, body: `${JSON.stringify({ status: 'ok', ...served.about })}\n` }) } },
  '/openapi.json': { GET: { query: [], run: ({ served }) => ({ status: 200, headers: json, body: `${JSON.stringify(openApiDocument(served.about.version), null, 2)}\n` }) } },
};

/** Every route that is served: `METHOD /path`. */
export const servedRoutes: readonly string[] = Object.entries(routes).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));

/** Answers a request. @throws HttpProblem, ForeshardError */
export async function answerRoute(served: HttpServed, request: IncomingMessage, response: ServerResponse): Promise<HttpAnswer> {
  const target = request.url ?? '/';
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const pattern = path.startsWith('/elements/') ? '/elements/{key}' : path;
  const methods = Object.hasOwn(routes, pattern) ? routes[pattern] : undefined;
  if (methods === undefined) throw new HttpProblem(404, 'route_unknown', `There is nothing at ${path.slice(0, 200)}.`, { hint: `GET /openapi.json says what there is: ${Object.keys(routes).join(', ')}.` });
  const method = request.method ?? '';
  const route = Object.hasOwn(methods, method) ? methods[method] : undefined;
  const allow = Object.keys(methods).join(', ');
  if (route === undefined) throw new HttpProblem(405, 'method_not_allowed', `${method} is not served at ${pattern}.`, { hint: `It serves ${allow}.`, headers: { allow } });
  for (const name of query.keys()) {
    if (!route.query.includes(name)) throw new HttpProblem(400, 'usage', `${method} ${pattern} has no parameter ${JSON.stringify(name.slice(0, 100))}.`, { hint: route.query.length === 0 ? 'It has none.' : `It has ${route.query.join(', ')}.` });
  }
  return route.run({ served, request, response, query, key: pattern === path ? '' : decodeKey(path.slice('/elements/'.length)) });
}

async function getElement({ served, request, key, query }: Exchange): Promise<HttpAnswer> {
  const asked = query.get('revision');
  const found = asked === null ? await served.elements.read(key) : await served.elements.readRevision(key, revisionIn(asked));
  if (found === undefined) throw notFound(key, asked);
  const headers = { ...versionHeaders(found), 'cache-control': asked === null ? 'no-cache' : 'max-age=31536000, immutable' };
  const known = request.headers['if-none-match'];
  if (known !== undefined && matches(known, found)) return { status: 304, headers };
  return { status: 200, headers: { ...headers, 'content-type': 'application/octet-stream' }, body: found.bytes };
}

async function putElement({ served, request, response, key }: Exchange): Promise<HttpAnswer> {
  const bytes = await bodyOf(request, response);
  checkDigest(request.headers['content-digest'], bytes);
  const written = await conditional(key, () => served.elements.put(key, bytes, conditionOf(request)));
  const { revision, hash, created } = written;
  return { status: created ? 201 : 200, headers: { ...json, ...versionHeaders(written) }, body: `${JSON.stringify({ ...namesOf(key), revision, hash, sizeBytes: bytes.length })}\n` };
}

async function deleteElement({ served, request, key }: Exchange): Promise<HttpAnswer> {
  if (!(await conditional(key, () => served.elements.delete(key, conditionOf(request))))) throw notFound(key, null);
  return { status: 204 };
}

async function listElements({ served, query }: Exchange): Promise<HttpAnswer> {
  const slot = query.has('slot') ? slotNumber(query.get('slot') ?? '') : undefined;
  if (query.has('slot') && slot === undefined) throw new HttpProblem(400, 'usage', `slot=${query.get('slot')} is no slot.`, { hint: 'Slots are numbered from 0 to 65535.' });
  const limit = query.get('limit') ?? '100';
  if (!/^\d{1,5}$/.test(limit) || Number(limit) < 1 || Number(limit) > 10_000) throw new HttpProblem(400, 'usage', `limit=${limit} is no whole number from 1 to 10000.`);
  const after = query.get('after');
  const { elements, next } = await served.elements.list({ limit: Number(limit), ...slot === undefined ? {} : { slot }, ...after === null ? {} : { after: decodeKey(utf8ByteString(after)) } });
  const body = { elements: elements.map((element) => ({ ...element, ...namesOf(element.key) })), next: next === null ? null : encodeKey(next) };
  return { status: 200, headers: json, body: `${JSON.stringify(body)}\n` };
}

/** An element's key for people, and its path, which holds every byte of it. */
function namesOf(key: ByteString): { readonly key: string; readonly path: string } {
  return { key: printable(key), path: `/elements/${encodeKey(key)}` };
}

function versionHeaders({ revision, hash }: ElementVersion): Record<string, string> {
  return { etag: `"${hash}"`, 'foreshard-revision': String(revision), 'foreshard-hash': hash };
}

function notFound(key: ByteString, revision: string | null): HttpProblem {
  return new HttpProblem(404, 'element_not_found', revision === null ? `There is no element ${encodeKey(key)}.` : `Revision ${revision} of ${encodeKey(key)} is not held here.`, {
    hint: revision === null ? 'PUT writes it.' : 'The revision before the newest is kept until the next write; earlier ones are not.',
  });
}

async function conditional<T>(key: ByteString, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof ConditionFailed)) throw error;
    const { current } = error;
    throw new HttpProblem(412, 'precondition_failed', current === undefined ? `There is no element ${encodeKey(key)}.` : `Element ${encodeKey(key)} has the content ${current.hash}.`, {
      hint: 'Read it, decide again, and write with the ETag that was read.', headers: current === undefined ? {} : versionHeaders(current),
    });
  }
}

/** RFC 9110 §13.1: `If-Match` and `If-None-Match` on what the element is when it is written. */
function conditionOf(request: IncomingMessage): WriteCondition {
  const { 'if-match': match, 'if-none-match': noneMatch } = request.headers;
  return (current) => (match === undefined || (current !== undefined && matches(match, current))) && (noneMatch === undefined || current === undefined || !matches(noneMatch, current));
}

function matches(tags: string, { hash }: ElementVersion): boolean {
  return tags.split(',').some((tag) => ['*', `"${hash}"`].includes(tag.trim()));
}

/** The body, at most a payload. @throws HttpProblem 413 */
function bodyOf(request: IncomingMessage, response: ServerResponse): Promise<Buffer> {
  const tooLarge = (): HttpProblem => new HttpProblem(413, 'payload_too_large', `The body is larger than ${maxPayloadBytes} bytes.`, { hint: 'Split the element: 64 MB is the most that a state node takes.' });
  if (Number(request.headers['content-length'] ?? 0) > maxPayloadBytes) return Promise.reject(tooLarge());
  if (request.headers.expect !== undefined) response.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxPayloadBytes) return void chunks.push(chunk);
      chunks.length = 0;
      reject(tooLarge());
    });
    request.once('end', () => resolve(joined(chunks, sizeBytes)));
    request.once('close', () => reject(new Error('the sender went away')));
  });
}

/** A copy of its own: what is stored must not keep a shared block of memory alive. */
function joined(chunks: readonly Buffer[], sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(bytes, at);
  return bytes;
}

/** RFC 9530, for who wants to be sure that what arrived is what was sent. Algorithms other than SHA-256 are passed over. */
function checkDigest(header: string | string[] | undefined, bytes: Uint8Array): void {
  const claimed = /(?:^|[\s,])sha-256=:([A-Za-z0-9+/=]*):/.exec(String(header ?? ''))?.[1];
  if (claimed === undefined) return;
  const hash: ContentHash = contentHash(bytes);
  if (Buffer.from(claimed, 'base64').toString('hex') !== hash) throw new HttpProblem(400, 'payload_corrupt', `The body has the SHA-256 ${hash}, not the one of its Content-Digest; nothing was kept.`, { hint: 'Send it again.' });
}

function revisionIn(text: string): number {
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new HttpProblem(400, 'usage', `revision=${text.slice(0, 100)} is no revision.`, { hint: 'The header foreshard-revision of a GET or a PUT names one.' });
}

/** A key as it stands in a path: every byte outside the unreserved characters of RFC 3986, `:` and `/` is percent-encoded. */
export function encodeKey(key: ByteString): string {
  return key.replace(/[^A-Za-z0-9\-._~:/]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The key in a path. @throws HttpProblem 400 */
export function decodeKey(text: ByteString): ByteString {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) throw new HttpProblem(400, 'usage', `${text.slice(0, 200)} is no percent-encoded key.`, { hint: 'A percent sign stands as %25.' });
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
