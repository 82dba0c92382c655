import { constants } from 'node:buffer';

/** Longest bulk string: Redis' proto-max-bulk-len is 512 MiB, and a JavaScript string holds 24 bytes less. */
export const maxBulkLength: number = Math.min(512 * 1024 * 1024, constants.MAX_STRING_LENGTH);

/** Longest line of an inline command or of a length, as Redis' PROTO_INLINE_MAX_SIZE. */
export const maxLineLength: number = 64 * 1024;

/** Most arguments of one command. */
export const maxArguments: number = 1024 * 1024;
