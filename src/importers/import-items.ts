import { ForeshardError } from '../model/errors.ts';
import type { TrafficItem } from '../model/traffic.ts';
import { detectBytes, detectFormat, formatDescriptions, formatNames, type FormatName } from './format.ts';
import type { Importer } from './importer.ts';
import { openInput, startingWith, type Input } from './input.ts';
import type { ImportProblems } from './problems.ts';

/** How far an input has been read. */
export interface ImportProgress {
  readonly bytesRead: number;
  /** null: nobody knows. */
  readonly sizeBytes: number | null;
  readonly items: number;
}

/** Options of {@link importItems}. */
export interface ImportOptions {
  /** Detected when left out. */
  readonly format?: FormatName;
  /** The `log_format` of nginx; the format is `nginx` then. */
  readonly logFormat?: string;
  /** The service of requests that name none. */
  readonly service?: string;
  readonly problems: ImportProblems;
  /** Called about once a chunk. */
  readonly onProgress?: (progress: ImportProgress) => void;
}

/**
 * What a file (or `-`: standard input) tells of traffic, as a stream, in memory that does not grow with the file. Call it once for each file of several.
 * @throws ForeshardError `input_not_found`; `input_unreadable` where the format is not known or most records do not have it; `usage` for a log format
 */
export async function* importItems(path: string, options: ImportOptions): AsyncGenerator<TrafficItem> {
  for await (const batch of importBatches(path, options)) {
    for (const item of batch) yield item;
  }
}

/** {@link importItems} in batches of about a chunk of the file, for whoever takes in millions: a promise a batch, not an item. */
export async function* importBatches(path: string, options: ImportOptions): AsyncGenerator<readonly TrafficItem[]> {
  const damages: ForeshardError[] = [];
  const input = await openInput(path, { onDamaged: (error) => damages.push(error) });
  try {
    yield* batchesOf(input, path, { ...options, damages });
  } finally {
    input.close();
  }
}

async function* batchesOf(input: Input, path: string, options: ImportOptions & { readonly damages: readonly ForeshardError[] }): AsyncGenerator<readonly TrafficItem[]> {
  const name = path === '-' ? 'standard input' : path;
  const { format, chunks } = await formatOf(input, path, options);
  if (format === undefined) {
    if (chunks === undefined) return; // an empty file
    throw new ForeshardError('input_unreadable', `${name}: nothing tells what format it has.`, { hint: `Name it: --format ${formatNames.join(', ')}.` });
  }
  const problems = options.problems.open({ input: name, format, ...formatDescriptions[format] });
  const importer = await importerOf(format, path, options.logFormat);
  let items = 0;
  for await (const batch of importer(chunks, { input: name, problems, service: options.service ?? '' })) {
    items += batch.length;
    if (batch.length > 0) yield batch;
    options.onProgress?.({ bytesRead: input.bytesRead, sizeBytes: input.sizeBytes, items });
  }
  const [damage] = options.damages;
  if (damage !== undefined) problems.note('input damaged', damage.message);
  if (damage !== undefined && problems.good === 0) throw damage;
  problems.finish();
}

/** The format that was named, else the one that the start of the input shows; no chunks where there are none. */
async function formatOf(input: Input, path: string, options: ImportOptions): Promise<
  | { readonly format: FormatName; readonly chunks: AsyncIterable<Buffer> }
  | { readonly format: undefined; readonly chunks: AsyncIterable<Buffer> | undefined }> {
  const named = options.format ?? (options.logFormat === undefined ? undefined : 'nginx');
  if (named !== undefined) return { format: named, chunks: input.chunks };
  const { head, rest } = await headOf(input.chunks);
  const chunks = startingWith(head, rest);
  const format = detectFormat(head, path);
  return format === undefined ? { format, chunks: head.length === 0 ? undefined : chunks } : { format, chunks };
}

async function headOf(chunks: AsyncIterable<Buffer>): Promise<{ readonly head: Buffer; readonly rest: AsyncGenerator<Buffer> }> {
  const rest = (async function* (): AsyncGenerator<Buffer> {
    yield* chunks;
  })();
  const pieces: Buffer[] = [];
  for (let sizeBytes = 0; sizeBytes < detectBytes;) {
    const next = await rest.next();
    if (next.done === true) break;
    pieces.push(next.value);
    sizeBytes += next.value.length;
  }
  return { head: Buffer.concat(pieces), rest };
}

/** Importers are loaded when they are needed: protobufjs alone takes longer than most logs. */
async function importerOf(format: FormatName, path: string, logFormat: string | undefined): Promise<Importer> {
  switch (format) {
    case 'combined': return (await import('./logs/combined.ts')).importCombined;
    case 'nginx': {
      if (logFormat === undefined) {
        const hint = "Give it: --log-format '$remote_addr - $remote_user [$time_local] \"$request\" …'";
        throw new ForeshardError('usage', 'The format nginx needs the log_format of nginx.conf.', { hint });
      }
      const { importNginx } = await import('./logs/nginx.ts');
      return (chunks, context) => importNginx(chunks, { ...context, logFormat });
    }
    case 'har': return (await import('./har.ts')).importHar;
    case 'gor': return (await import('./gor.ts')).importGor;
    case 'otlp-json': return (await import('./otlp/otlp-json.ts')).importOtlpJson;
    case 'otlp-proto': return (await import('./otlp/otlp-proto.ts')).importOtlpProto;
    case 'jaeger': return (await import('./jaeger.ts')).importJaeger;
    case 'ndjson': return (await import('./ndjson.ts')).importNdjson;
    case 'parquet': {
      if (path === '-') throw new ForeshardError('usage', 'A Parquet file is not read from standard input: it is read from its end.', { hint: 'Name the file.' });
      const { importParquet } = await import('./parquet.ts');
      return (_chunks, context) => importParquet(path, context);
    }
  }
}
