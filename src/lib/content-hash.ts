import { hash } from 'node:crypto'; // lib's one built-in: SHA-256 in plain JavaScript is 4 times slower

/** Names a payload by its content: SHA-256, 64 hexadecimal digits. */
export type ContentHash = string;

/** The content hash of these bytes. */
export function contentHash(bytes: Uint8Array): ContentHash {
  return hash('sha256', bytes, 'hex'); // half the time of createHash for a small payload
}
