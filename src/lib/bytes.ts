/**
 * Bytes as a JavaScript string with one char per byte (latin1). Lossless, immutable, cheap to keep, usable as a Map key and
 * comparable with ===; Buffers are made only where bytes leave the process. Every Redis key, field, member and value is one.
 */
export type ByteString = string;

/** The byte string of these bytes. The copy is deliberate: a view would keep the whole read buffer alive. */
export function byteString(bytes: Uint8Array): ByteString {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of a byte string. */
export function bytesOf(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1');
}

/** The byte string of the UTF-8 encoding of `text`. */
export function utf8ByteString(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** The text whose UTF-8 encoding this is. */
export function utf8Text(bytes: ByteString): string {
  return isAscii(bytes) ? bytes : bytesOf(bytes).toString('utf8');
}

/** Ten times as fast as encoding, which is then not needed. */
function isAscii(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') === text.length;
}

/** V8 ends the process when one `replace` finds some hundred million matches. */
const escapedAtOnce = 1 << 20;

/** Text for people: decoded as UTF-8 where the bytes are valid UTF-8 without control characters, `\xNN` escapes elsewhere. */
export function printable(text: ByteString): string {
  const decoded = Buffer.from(text, 'latin1').toString('utf8');
  if (!decoded.includes('\uFFFD') && !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/.test(decoded)) return decoded;
  let escaped = '';
  for (let at = 0; at < text.length; at += escapedAtOnce) {
    escaped += text.slice(at, at + escapedAtOnce).replace(/[^\x20-\x7E\t\r\n]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  }
  return escaped;
}

/** The first bytes of a byte string, `limit` at most, without half a character of UTF-8 at the end. */
export function clipped(text: ByteString, limit: number): ByteString {
  if (text.length <= limit) return text;
  let end = limit;
  while (end > limit - 4 && (text.charCodeAt(end) & 0xc0) === 0x80) end--;
  return text.slice(0, end);
}
