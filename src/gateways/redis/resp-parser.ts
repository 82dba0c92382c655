/** The reading half of the RESP codec. */
export { CommandParser, type CommandListener } from './command-parser.ts';
export { ReplyParser } from './reply-parser.ts';
export { ReplyFramer, type ReplyFrame } from './reply-framer.ts';
export { ProtocolError } from './protocol-error.ts';
