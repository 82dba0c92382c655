import type { ByteString } from '../lib/bytes.ts';
import type { Database, ExpiryChange } from './database.ts';
import type { Entry } from './entry.ts';

/**
 * Replaces a whole element as SET and its kin do: told as a write, then as an expiry change only where the expiry is set, or where the
 * element had one that is now gone. So SETEX, SET EX and SET with a following EXPIRE have the same effects. `keep` leaves the expiry.
 */
export function assign(db: Database, key: ByteString, entry: Entry, expiry?: ExpiryChange | 'keep'): void {
  const before = db.peek(key)?.expiresAtMs ?? null;
  db.noteWrite(key);
  entry.expiresAtMs = before;
  db.put(key, entry);
  if (expiry === 'keep') return;
  if (expiry !== undefined) db.expire(key, expiry);
  else if (before !== null) db.expire(key, { kind: 'cleared' });
}

/** As {@link assign}, for a string without an expiry of its own. */
export function assignString(db: Database, key: ByteString, value: ByteString, expiry?: ExpiryChange | 'keep'): void {
  assign(db, key, { type: 'string', value, expiresAtMs: null, owner: db }, expiry);
}
