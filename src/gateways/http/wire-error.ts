import { errors } from 'undici';
import { ForeshardError } from '../../model/errors.ts';

const protocolCodes: ReadonlySet<string> = new Set([
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'UND_ERR_RESPONSE', 'UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
]);
const requestCodes: ReadonlySet<string> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH']);
const timeoutCodes: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT']);

/** `code` of a Node.js or undici error; the empty string when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/**
 * What a failed exchange means: `protocol_error` (what came is not HTTP, or not as long as it said), `timeout`, or `service_died`
 * (refused, reset or closed before the answer was whole).
 * @param where who was spoken to, for example `the service at 127.0.0.1:8080`
 */
export function wireError(error: unknown, where: string): ForeshardError {
  if (error instanceof ForeshardError) return error;
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : String(error);
  if (timeoutCodes.has(code)) return new ForeshardError('timeout', `${where} did not answer in time (${said})`, { cause: error });
  if (error instanceof errors.HTTPParserError || code.startsWith('HPE_') || protocolCodes.has(code) || said === 'bad response' || said === 'bad upgrade') {
    return new ForeshardError('protocol_error', `${where} answered with something that is not HTTP/1.1: ${said}`, { cause: error });
  }
  if (requestCodes.has(code)) {
    return new ForeshardError('protocol_error', `the request cannot be sent to ${where}: ${said}`, { cause: error });
  }
  return new ForeshardError('service_died', `${where} closed or refused the connection before its answer was complete (${code === '' ? said : `${code}: ${said}`})`, { cause: error });
}

const brokenCodes: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Whether a connection broke before anything of the answer came, as one in use does that the other side has just closed: the request may not even have been read,
 * and a new connection can tell.
 */
export function isBrokenUnanswered(status: number | null, error: unknown): boolean {
  return status === null && brokenCodes.has(codeOf(error));
}

/** A coded JSON body for a failure that a gateway itself answers. */
export function errorBody(error: ForeshardError): Buffer {
  return Buffer.from(JSON.stringify({ error: `foreshard: ${error.message}`, code: error.code }));
}

/** undici 7 takes the length that a 304 may carry (RFC 9110 §8.6) for a promise of a body, and fails a response that is whole. */
export function isWhole304(status: number | null, error: unknown): boolean {
  return status === 304 && codeOf(error) === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH';
}
