import { utf8ByteString, type ByteString } from '../lib/bytes.ts';
import { ForeshardError, type ErrorCode } from '../model/errors.ts';
import type { RevisionName } from './state-node.ts';

/*
 * What `foreshard node` and its client agree on beyond RESP. A revision is named by one argument, its number and behind a space its key; payloads travel with their content hash, so that whoever takes
 * them can check them; entries of slots, operations and answers are JSON in UTF-8. An error reply begins with the error's code in upper case.
 */

/** Longest key of an element. */
export const maxKeyBytes = 8192;

/** Most bytes of payload that a client puts into one command, unless one payload alone is longer. */
export const batchBytes: number = 4 * 1024 * 1024;

/** Most revisions that a client names in one command. */
export const batchItems = 500;

/** Characters of a content hash: hexadecimal digits. */
export const hashLength = 64;

const codesOnTheWire: readonly ErrorCode[] = ['state_node_full', 'state_node_restarted', 'payload_corrupt', 'payload_too_large', 'map_outdated', 'usage'];
const byWord: ReadonlyMap<string, ErrorCode> = new Map(codesOnTheWire.map((code) => [code.toUpperCase(), code]));
const hintMark = ' Hint: ';

/** An operating error as an error reply: `STATE_NODE_FULL <message> Hint: <hint>`. */
export function errorText({ code, message, hint }: ForeshardError): ByteString {
  return utf8ByteString(`${code.toUpperCase()} ${message}${hint === undefined ? '' : hintMark + hint}`);
}

/** The operating error in an error reply; undefined when it has no code of ours. */
export function errorOf(text: ByteString): ForeshardError | undefined {
  const space = text.indexOf(' ');
  const code = byWord.get(text.slice(0, space));
  if (code === undefined) return undefined;
  const [message, ...hints] = Buffer.from(text.slice(space + 1), 'latin1').toString('utf8').split(hintMark);
  return new ForeshardError(code, message as string, hints.length === 0 ? {} : { hint: hints.join(hintMark) });
}

/** The revision that an argument names, a `revisionText`; undefined: none. */
export function revisionNameOf(text: ByteString): RevisionName | undefined {
  const digits = /^(\d{1,16}) /.exec(text)?.[1];
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) return undefined;
  return { revision: Number(digits), key: text.slice(digits.length + 1) };
}

/** JSON as bytes. */
export function jsonBytes(value: unknown): ByteString {
  return utf8ByteString(JSON.stringify(value));
}

/** The value in JSON bytes. @throws SyntaxError */
export function jsonOf(bytes: ByteString): unknown {
  return JSON.parse(Buffer.from(bytes, 'latin1').toString('utf8'));
}
