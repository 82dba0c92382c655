import type { ByteString } from '../../lib/bytes.ts';

/** A reply as plain data: simple strings are strings, every null is null; bulk strings are byte strings, or bytes where those were asked for. */
export type RedisValue = ByteString | Buffer | number | null | readonly RedisValue[];

/** The server answered an error; `message` is its text, code first. */
export class RedisCommandError extends Error {
  override readonly name = 'RedisCommandError';
}
