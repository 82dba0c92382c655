/*
 * Texts with a signature: what was signed is compared by what it says, the signature follows from it. Known are JSON Web Tokens, the
 * signers of itsdangerous (Flask) and Django with JSON inside, plain or compressed, `s:` cookies of Express, and Rails messages.
 */
import { byteString, type ByteString } from '../lib/bytes.ts';
import { unpacked } from './compressed.ts';

/** One part of what was signed. */
export type SignedPart =
  | { readonly kind: 'bytes'; readonly bytes: ByteString }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'seconds'; readonly seconds: number };

/** A text taken apart. `raw`: all that was signed, as it stands; no `signature`: base64 JSON alone, as in cookie sessions. */
export interface SignedText {
  readonly parts: readonly (readonly [name: string, part: SignedPart])[];
  readonly raw: string;
  readonly signature?: string;
}

/** The parts of a signed text; undefined for any other. */
export function signedText(text: string): SignedText | undefined {
  switch (text.charAt(0)) {
    case 'e': case '.': return jsonToken(text, '.') ?? jsonToken(text, ':');
    case 's': return express(text);
    case 'B': return text.startsWith('BAh') ? rails(text) : bearer(text);
    case 'b': case 'J': case 'T': return bearer(text);
    default: return undefined;
  }
}

/** `<payload>[.<…>].<signature>` where the first part is JSON in base64, compressed after a leading dot. */
function jsonToken(text: string, separator: '.' | ':'): SignedText | undefined {
  if (!/^(?:\.eJ|eyJ)/.test(text)) return undefined;
  const isCompressed = text.startsWith('.');
  const segments = (isCompressed ? text.slice(1) : text).split(separator);
  if (!segments.every((segment) => /^[\w\-+/]*={0,2}$/.test(segment))) return undefined;
  const first = jsonPart(segments[0] as string, isCompressed);
  if (first === undefined || segments.length > 5) return undefined;
  if (segments.length === 1) return { parts: [['', first]], raw: text };
  const signature = segments.at(-1) as string;
  const raw = text.slice(0, -signature.length - 1);
  const seconds = segments.length === 3 ? signingTime(segments[1] as string, separator) : undefined;
  if (seconds !== undefined) return { parts: [['payload', first], ['signed', { kind: 'seconds', seconds }]], raw, signature };
  if (separator === ':') return undefined;
  const rest = segments.slice(1, -1).map((segment, index) => [index === 0 ? 'payload' : `part${index + 1}`, jsonPart(segment, false) ?? { kind: 'text', text: segment }] as const);
  return { parts: [['header', first], ...rest], raw, signature };
}

function jsonPart(segment: string, isCompressed: boolean): SignedPart | undefined {
  const decoded = byteString(Buffer.from(segment, 'base64'));
  const bytes = isCompressed ? unpacked(decoded)?.bytes : decoded;
  if (bytes === undefined || !/^\s*[[{]/.test(bytes)) return undefined;
  try {
    JSON.parse(bytes);
    return { kind: 'bytes', bytes };
  } catch {
    return undefined;
  }
}

/** When a text was signed: big-endian in base64 (itsdangerous) or base 62 (Django). */
function signingTime(segment: string, separator: '.' | ':'): number | undefined {
  let seconds = 0;
  if (separator === '.') {
    if (!/^[\w-]{6,7}$/.test(segment)) return undefined;
    for (const byte of Buffer.from(segment, 'base64url')) seconds = seconds * 256 + byte;
  } else {
    if (!/^[0-9A-Za-z]{6}$/.test(segment)) return undefined;
    for (const digit of segment) seconds = seconds * 62 + '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.indexOf(digit);
  }
  return seconds >= 1e9 && seconds < 4e9 ? seconds : undefined;
}

function express(text: string): SignedText | undefined {
  const found = /^s:(.+)\.([A-Za-z0-9+/]{43})$/s.exec(text);
  return found === null ? undefined : { parts: [['', { kind: 'text', text: found[1] as string }]], raw: found[1] as string, signature: found[2] as string };
}

function rails(text: string): SignedText | undefined {
  const found = /^([A-Za-z0-9+/]{16,}={0,2})--([0-9a-f]{40,128})$/.exec(text);
  if (found === null) return undefined;
  const raw = found[1] as string;
  return { parts: [['', { kind: 'bytes', bytes: byteString(Buffer.from(raw, 'base64')) }]], raw, signature: found[2] as string };
}

/** An `Authorization` value with a token. */
function bearer(text: string): SignedText | undefined {
  const found = /^(Bearer|JWT|Token) (eyJ.+)$/i.exec(text);
  const token = found === null ? undefined : jsonToken(found[2] as string, '.');
  return token && { ...token, parts: [['scheme', { kind: 'text', text: found?.[1] as string }], ...token.parts] };
}

/** Bytes in base64 that are compressed: gzip begins with `H4sI`, zlib with `eJ`, `eA` or `eN`. */
export function compressedText(text: string): ByteString | undefined {
  return /^(?:H4sI|e[JAN])[\w+/-]{8,}={0,2}$/.test(text) ? byteString(Buffer.from(text, 'base64')) : undefined;
}
