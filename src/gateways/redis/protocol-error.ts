/**
 * Bytes that are not RESP. `message` is what Redis answers before it closes the connection, for example
 * `ERR Protocol error: invalid multibulk length`. Nothing more may be read from that connection.
 */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  constructor(what: string) {
    super(`ERR Protocol error: ${what}`);
  }
}
