import type { ByteString } from '../lib/bytes.ts';

/** A simple string (`+OK`). */
export class SimpleReply {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** An error reply; `message` starts with its code (`ERR …`, `WRONGTYPE …`). */
export class ErrorReply {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** A RESP3 map; on RESP2 a flat array. Keys and values alternate. */
export class MapReply {
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** A RESP3 set; on RESP2 an array. */
export class SetReply {
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** A RESP3 double; on RESP2 a bulk string formatted as Redis does. */
export class DoubleReply {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** A RESP3 verbatim string (`=`, INFO and the like); on RESP2 a bulk string. `format` has three letters. */
export class VerbatimReply {
  readonly text: ByteString;
  readonly format: string;
  constructor(text: ByteString, format = 'txt') {
    this.text = text;
    this.format = format;
  }
}

/** An out-of-band message (`>` on RESP3, an array on RESP2): pub/sub. Answers no command. */
export class PushReply {
  readonly items: readonly Reply[];
  constructor(items: readonly Reply[]) {
    this.items = items;
  }
}

/** The null array (`*-1` on RESP2; `_` on RESP3 as the null bulk). */
export class NullArrayReply {
  readonly isNullArray = true;
}

/**
 * What a command answers, before it is encoded for the protocol of its connection.
 * A JavaScript string is a bulk string, a number or bigint an integer, null the null bulk, a boolean a RESP3 boolean (integer on RESP2).
 */
export type Reply =
  | ByteString | number | bigint | null | boolean | readonly Reply[]
  | SimpleReply | ErrorReply | MapReply | SetReply | DoubleReply | VerbatimReply | PushReply | NullArrayReply;

export const OK: SimpleReply = new SimpleReply('OK');
export const QUEUED: SimpleReply = new SimpleReply('QUEUED');
export const PONG: SimpleReply = new SimpleReply('PONG');
export const NULL_ARRAY: NullArrayReply = new NullArrayReply();

/** Thrown by a command to answer an error; nothing of the command may have been applied yet. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

export const wrongType = (): CommandError => new CommandError('WRONGTYPE Operation against a key holding the wrong kind of value');
export const syntaxError = (): CommandError => new CommandError('ERR syntax error');
export const notAnInteger = (): CommandError => new CommandError('ERR value is not an integer or out of range');
export const notAFloat = (): CommandError => new CommandError('ERR value is not a valid float');
