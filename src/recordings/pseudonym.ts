import { createHmac, randomBytes } from 'node:crypto';
import type { ByteString } from '../lib/bytes.ts';
import { Lru } from '../lib/lru.ts';

const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();
const digits = '0123456789';
const hex = '0123456789abcdef';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Replaces secrets by pseudonyms of the same length and shape: digits stay digits, letters letters of their case, hexadecimal stays
 * hexadecimal, punctuation stays. Equal secrets get equal pseudonyms wherever they stand, so a session id in a cookie still finds its
 * element. The key is random and kept nowhere: a pseudonym cannot be led back, not even by trying candidates.
 */
export class Pseudonyms {
  readonly #key: Uint8Array;
  /** Secrets and, leading to themselves, pseudonyms already given: redacting twice changes nothing. */
  readonly #known = new Lru<ByteString, ByteString>(16 * 1024 * 1024, (value) => value.length * 2 + 100);

  /** @param key for tests; random otherwise */
  constructor(key: Uint8Array = randomBytes(32)) {
    this.#key = key;
  }

  /** The pseudonym of these bytes. */
  of(secret: ByteString): ByteString {
    const known = this.#known.get(secret);
    if (known !== undefined) return known;
    let pseudonym = this.#make(secret, 0);
    if (pseudonym === secret) pseudonym = this.#make(secret, 1);
    this.#known.set(secret, pseudonym);
    this.#known.set(pseudonym, pseudonym);
    return pseudonym;
  }

  #make(secret: ByteString, shift: number): ByteString {
    const alphabets = alphabetsOf(secret);
    let out = '';
    let block = Buffer.alloc(0);
    for (let i = 0; i < secret.length; i++) {
      if (i % 32 === 0) block = createHmac('sha256', this.#key).update(`${i / 32}:`).update(secret, 'latin1').digest();
      const alphabet = alphabets(secret.charCodeAt(i), i);
      out += alphabet === '' ? secret.charAt(i) : alphabet.charAt(((block[i % 32] as number) + shift) % alphabet.length);
    }
    return out;
  }
}

/** For each char (with its place) the characters that may stand for it; '' keeps it. */
function alphabetsOf(secret: ByteString): (code: number, index: number) => string {
  const isHex = /^[0-9a-f-]+$/.test(secret) && /\d/.test(secret) && /[a-f]/.test(secret);
  const isNumber = /^[1-9]\d*$/.test(secret);
  const isUuid = uuid.test(secret);
  return (code, index) => {
    if (isUuid && (index === 14 || index === 19)) return ''; // version and variant
    if (code >= 48 && code <= 57) return isHex ? hex : isNumber && index === 0 ? digits.slice(1) : digits;
    if (code >= 97 && code <= 122) return isHex ? hex : lower;
    if (code >= 65 && code <= 90) return upper;
    return code < 32 || code >= 127 ? lower : '';
  };
}
