import type { IncomingMessage } from 'node:http';
import { gunzip } from 'node:zlib';

/** Why a request is not taken: its status, the code of gRPC that says the same, and a sentence. */
export class RefusedRequest extends Error {
  override readonly name = 'RefusedRequest';
  readonly status: number;
  readonly grpcCode: number;

  constructor(status: number, grpcCode: number, message: string) {
    super(message);
    this.status = status;
    this.grpcCode = grpcCode;
  }
}

/** Codes of gRPC, as OTLP/HTTP puts them into its answers. */
export const grpcCodes = { invalidArgument: 3, notFound: 5, resourceExhausted: 8, unimplemented: 12, unavailable: 14 } as const;

/**
 * The body of an export request, decompressed; at most `limitBytes` before and after.
 * @throws RefusedRequest 413, 415 for an encoding other than gzip, 400 for damaged gzip
 */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') throw new RefusedRequest(415, grpcCodes.unimplemented, `The content encoding ${encoding} is not understood: gzip or none.`);
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge(limitBytes);
  const body = await received(request, limitBytes);
  return encoding === 'gzip' ? decompressed(body, limitBytes) : body;
}

/** Not by iteration: leaving that early would close the connection before it is answered. */
function received(request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= limitBytes) chunks.push(chunk);
      else reject(tooLarge(limitBytes));
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => reject(new Error('the sender went away')));
  });
}

function decompressed(body: Buffer, limitBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gunzip(body, { maxOutputLength: limitBytes }, (error, plain) => {
      if (error === null) resolve(plain);
      else if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') reject(tooLarge(limitBytes));
      else reject(new RefusedRequest(400, grpcCodes.invalidArgument, `The body is no gzip: ${error.message}.`));
    });
  });
}

function tooLarge(limitBytes: number): RefusedRequest {
  return new RefusedRequest(413, grpcCodes.resourceExhausted, `The body is larger than ${limitBytes} bytes: export smaller batches.`);
}
