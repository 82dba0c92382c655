import type { RequestEvent, TrafficItem } from '../model/traffic.ts';
import type { ImportContext } from './importer.ts';
import { parseRequestLine } from './logs/request-line.ts';
import { RouteMemo } from './route-memo.ts';

const separator = Buffer.from('\n🐵🙈🙉\n');
const longestRecordBytes = 64 * 1024 * 1024;
/** The head of an HTTP request: what is read of a payload. */
const longestHeadBytes = 256 * 1024;

/**
 * Files of GoReplay: payloads with a header line `type id nanoseconds [latency]`, each followed by a line of three monkeys. Requests (type 1) are items; responses
 * (2) and replayed responses (3) are passed over. The actor is the address that a proxy or `--input-raw-realip-header` put into the headers.
 */
export async function* importGor(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly TrafficItem[]> {
  const routes = new RouteMemo();
  let number = 0;
  const itemsOf = (records: readonly GorRecord[]): RequestEvent[] => records.flatMap(({ bytes, isTooLong }) => {
    number++;
    const item = isTooLong ? 'record too long' : itemOf(bytes, { routes, service: context.service });
    if (typeof item === 'string') context.problems.addBad({ number, reason: item, text: bytes.toString('latin1', 0, 200) });
    else context.problems.addGood();
    return typeof item === 'object' && item !== null ? [item] : [];
  });
  const splitter = new GorSplitter();
  for await (const chunk of chunks) yield itemsOf(splitter.push(chunk));
  yield itemsOf(splitter.end());
}

/** The request of a record, null for a response, or why it is neither. */
function itemOf(record: Buffer, { routes, service }: { readonly routes: RouteMemo; readonly service: string }): RequestEvent | string | null {
  const headerEnd = record.indexOf(0x0a);
  const header = /^([123]) ([0-9a-zA-Z-]{1,64}) (\d{1,20})(?: -?\d+)?\r?$/.exec(record.toString('latin1', 0, Math.min(headerEnd < 0 ? record.length : headerEnd, 200)));
  if (header === null) return 'no header of GoReplay';
  if (header[1] !== '1') return null;
  const [line = '', ...headers] = record.toString('latin1', headerEnd + 1, headerEnd + 1 + longestHeadBytes).split(/\r?\n/);
  const request = headerEnd < 0 || !line.includes(' HTTP/') ? undefined : parseRequestLine(line);
  if (request === undefined) return 'no HTTP request';
  return {
    kind: 'request', at: Math.floor(Number(header[3]) / 1e6), service, route: routes.routeOf(request.method, request.target), target: request.target,
    actor: forwardedFor(headers), request: header[2] as string,
  };
}

function forwardedFor(headers: readonly string[]): string | null {
  let address: string | null = null;
  for (const line of headers) {
    if (line === '') break;
    const found = /^x-(real-ip|forwarded-for):\s*([^,\s]+)/i.exec(line);
    if (found === null) continue;
    address = found[2] as string;
    if ((found[1] as string).length === 'real-ip'.length) break;
  }
  return address;
}

interface GorRecord {
  readonly bytes: Buffer;
  readonly isTooLong: boolean;
}

/** Cuts a stream at the separators; of records that are too long only the start is kept. */
class GorSplitter {
  #pieces: Buffer[] = [];
  #sizeBytes = 0;
  /** The end of what came, in which a separator may have begun. */
  #tail: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): GorRecord[] {
    const records: GorRecord[] = [];
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    let from = 0;
    for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, from)) {
      this.#keep(bytes.subarray(from, at));
      records.push(this.#record());
      from = at + separator.length;
    }
    const tailAt = Math.max(from, bytes.length - separator.length + 1);
    this.#keep(bytes.subarray(from, tailAt));
    this.#tail = bytes.subarray(tailAt);
    return records;
  }

  /** The record that no separator follows: an interrupted recording. */
  end(): GorRecord[] {
    this.#keep(this.#tail);
    return this.#sizeBytes === 0 ? [] : [this.#record()];
  }

  #keep(piece: Buffer): void {
    this.#sizeBytes += piece.length;
    if (this.#sizeBytes <= longestRecordBytes) this.#pieces.push(piece);
    else if (this.#pieces.length > 1) this.#pieces = [Buffer.from(Buffer.concat(this.#pieces).subarray(0, 256))];
  }

  #record(): GorRecord {
    const record = { bytes: Buffer.concat(this.#pieces), isTooLong: this.#sizeBytes > longestRecordBytes };
    this.#pieces = [];
    this.#sizeBytes = 0;
    return record;
  }
}
