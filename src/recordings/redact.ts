import { assert } from '../lib/assert.ts';
import { byteString, bytesOf, utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { decodeValue, encodeValue, looksEncoded } from '../model/element-codec.ts';
import type { ElementValue } from '../model/element.ts';
import { ForeshardError } from '../model/errors.ts';
import type { Header, RecordedCall, RecordedHttpRequest, RecordedHttpResponse, RecordingLine, RecordingManifest, RequestRecord } from '../model/recording.ts';
import { parseStateKey, type StateKey } from '../model/state-key.ts';
import { Pseudonyms } from './pseudonym.ts';
import type { RecordingRedactor } from './recording-writer.ts';
import { compileJsonPath, TextRedactor, type CompiledPattern } from './redact-text.ts';

/** What must not be written, by where it stands. Every list may be empty. */
export interface RedactionRules {
  /** Headers, in any case, whose values are replaced: of requests, responses and calls. Cookies keep their names, `Bearer` and the like stay. */
  readonly headers?: readonly string[];
  /** RFC 9535 JSONPaths into JSON bodies and JSON values in the state: `$..password`. All below what they name is replaced. */
  readonly jsonPaths?: readonly string[];
  /**
   * Regular expressions for bodies, targets, header values, state keys, values and everything else that is text. Without `replace` the groups
   * are replaced by pseudonyms, or the whole match where there are none.
   */
  readonly patterns?: readonly { readonly pattern: string; readonly replace?: string }[];
  /** Globs (`*`, `?`) of state keys (`redis:0/session:*`) or of their names (`session:*`) whose values are replaced as a whole. */
  readonly keys?: readonly string[];
}

/**
 * Redacts by rules. A rule replaces a secret where it says; the same secret elsewhere (a session id that is also part of a key)
 * needs a pattern that finds it there. Equal secrets become equal pseudonyms under every rule.
 */
export class Redactor implements RecordingRedactor {
  readonly #pseudonyms: Pseudonyms;
  readonly #text: TextRedactor;
  readonly #headers: ReadonlySet<string>;
  readonly #keys: readonly ((key: string) => boolean)[];

  /**
   * @param key for tests; random and kept nowhere otherwise
   * @throws ForeshardError `config_invalid` for an expression or path that is none
   */
  constructor(rules: RedactionRules, key?: Uint8Array) {
    this.#pseudonyms = new Pseudonyms(key);
    this.#headers = new Set((rules.headers ?? []).map((name) => name.toLowerCase()));
    this.#keys = (rules.keys ?? []).map(keyMatcher);
    const patterns = (rules.patterns ?? []).map((rule): CompiledPattern => ({
      // Text is matched as the bytes of its UTF-8.
      expression: valid(`patterns: ${rule.pattern}`, () => new RegExp(utf8ByteString(rule.pattern), 'dg')),
      replace: rule.replace === undefined ? undefined : utf8ByteString(rule.replace),
    }));
    const paths = (rules.jsonPaths ?? []).map((path) => valid(`jsonPaths: ${path}`, () => compileJsonPath(path)));
    this.#text = new TextRedactor({ pseudonyms: this.#pseudonyms, patterns, paths });
  }

  payload(bytes: Uint8Array, key?: StateKey): Uint8Array {
    const encoded = looksEncoded(bytes) ? decodedOrUndefined(bytes) : undefined;
    assert(key !== undefined || encoded === undefined || this.#keys.length === 0, 'a rule for keys needs the key of every element');
    const whole = key !== undefined && this.#isSecretKey(key);
    const redact = (text: ByteString): ByteString => (whole ? this.#text.secret(text) : this.#text.content(text));
    if (encoded === undefined) return changed(bytes, redact);
    return encodeValue(mapValue(encoded, redact, whole ? (name) => name : (name) => this.#text.plain(name)));
  }

  line(line: RecordingLine): RecordingLine {
    switch (line.kind) {
      case 'revision': return { ...line, key: this.#key(line.key) };
      case 'request': return this.#request(line);
      case 'loss': return { ...line, message: this.#text.plain(line.message) };
      case 'complete': case 'end': return line;
    }
  }

  manifest(manifest: RecordingManifest): RecordingManifest {
    const plain = (text: string): string => this.#text.plain(text);
    const { service } = manifest;
    const env = Object.fromEntries(Object.entries(service.env).map(([name, value]) => [name, plain(value)]));
    const endpoint = <T extends { readonly upstream: string }>(spec: T): T => ({ ...spec, upstream: plain(spec.upstream) });
    return {
      ...manifest, service: { ...service, command: service.command.map(plain), env },
      redis: manifest.redis.map(endpoint), http: manifest.http.map(endpoint),
    };
  }

  #request(line: RequestRecord): RequestRecord {
    const plain = (text: string): string => this.#text.plain(text);
    const key = (named: { readonly key: StateKey }): { readonly key: StateKey } => ({ key: this.#key(named.key) });
    return {
      ...line,
      request: this.#httpRequest(line.request),
      response: line.response && this.#httpResponse(line.response),
      touches: line.touches.map((touch) => ({ ...touch, ...key(touch) })),
      writes: line.writes.map((write) => ({ ...write, ...key(write) })),
      calls: line.calls.map((call): RecordedCall => ({
        ...call, request: this.#httpRequest(call.request), response: call.response && this.#httpResponse(call.response),
      })),
      hints: line.hints.map((hint) => ({
        ...hint, args: hint.args.map((text) => this.#text.content(text)), outcome: hint.outcome.map((text) => this.#text.content(text)),
      })),
      problems: line.problems.map((problem) => ({
        ...problem, message: plain(problem.message), ...(problem.key === undefined ? {} : { key: this.#key(problem.key) }),
      })),
    };
  }

  #httpRequest(request: RecordedHttpRequest): RecordedHttpRequest {
    return { ...request, target: this.#text.target(request.target), headers: this.#headerLines(request) };
  }

  #httpResponse(response: RecordedHttpResponse): RecordedHttpResponse {
    return { ...response, headers: this.#headerLines(response) };
  }

  #headerLines(message: RecordedHttpRequest | RecordedHttpResponse): Header[] {
    return message.headers.map(([name, value]): Header => {
      const lower = name.toLowerCase();
      // The body's length after redaction, where there is a body; a HEAD response has the length of one that was not sent.
      if (lower === 'content-length') return [name, message.body === null ? value : String(message.body.sizeBytes)];
      return [name, this.#headers.has(lower) ? this.#headerValue(lower, value) : this.#text.target(value)];
    });
  }

  #headerValue(name: string, value: string): string {
    const hide = (text: string): string => this.#pseudonyms.of(text);
    if (name === 'cookie') return value.replace(/(=)([^;]*)/g, (_whole, equals: string, secret: string) => equals + hide(secret));
    if (name === 'set-cookie') return value.replace(/^([^=;]*=)([^;]*)/, (_whole, start: string, secret: string) => start + hide(secret));
    const scheme = /^(?:[A-Za-z][\w-]* )?/.exec(value)?.[0] ?? '';
    return name.endsWith('authorization') ? scheme + hide(value.slice(scheme.length)) : hide(value);
  }

  #key(key: StateKey): StateKey {
    const parts = parseStateKey(key);
    if (parts === undefined) return this.#text.plain(key);
    const name = parts.kind === 'http' ? this.#text.target(parts.name) : this.#text.plain(parts.name);
    return `${parts.kind}:${parts.scope}/${name}`;
  }

  #isSecretKey(key: StateKey): boolean {
    const name = parseStateKey(key)?.name ?? key;
    return this.#keys.some((matches) => matches(key) || matches(name));
  }
}

/** Every text of a value replaced; `names`: for what is a name rather than content (hash and stream fields). */
function mapValue(value: ElementValue, text: (text: ByteString) => ByteString, names: (name: ByteString) => ByteString): ElementValue {
  const pair = ([name, content]: readonly [ByteString, ByteString]): readonly [ByteString, ByteString] => [names(name), text(content)];
  switch (value.type) {
    case 'string': return { ...value, value: text(value.value) };
    case 'hash': return { ...value, fields: value.fields.map(pair) };
    case 'list': return { ...value, items: value.items.map(text) };
    case 'set': return { ...value, members: value.members.map(text) };
    case 'zset': return { ...value, members: value.members.map(([member, score]) => [text(member), score] as const) };
    case 'stream': return { ...value, items: value.items.map((item) => ({ ...item, fields: item.fields.map(pair) })) };
  }
}

function decodedOrUndefined(bytes: Uint8Array): ElementValue | undefined {
  try {
    return decodeValue(bytes);
  } catch (error) {
    if (error instanceof ForeshardError) return undefined;
    throw error;
  }
}

function changed(bytes: Uint8Array, redact: (text: ByteString) => ByteString): Uint8Array {
  const text = byteString(bytes);
  const redacted = redact(text);
  return redacted === text ? bytes : bytesOf(redacted);
}

function keyMatcher(glob: string): (key: string) => boolean {
  const pattern = utf8ByteString(glob).replace(/[\\^$.+()|[\]{}]/g, '\\$&').replaceAll('*', '.*').replaceAll('?', '.');
  const expression = new RegExp(`^${pattern}$`, 's');
  return (key) => expression.test(key);
}

function valid<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ForeshardError('config_invalid', `Redaction rule ${what}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * A redactor by these rules, with a key of its own.
 * @throws ForeshardError `config_invalid`
 */
export function createRedactor(rules: RedactionRules): Redactor {
  return new Redactor(rules);
}
