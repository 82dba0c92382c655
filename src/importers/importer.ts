import type { TrafficItem } from '../model/traffic.ts';
import type { InputProblems } from './problems.ts';

/** What an importer is told. */
export interface ImportContext {
  /** The input as the user named it, for messages. */
  readonly input: string;
  /** Takes counts of good and bad records. */
  readonly problems: InputProblems;
  /** The service of requests that name none. */
  readonly service: string;
}

/**
 * Reads one format: decompressed chunks in, items out, in batches of about a chunk (a promise an item would cost more than the item).
 * What cannot be read is counted in the context's problems; only what makes the whole input useless is thrown, as `input_unreadable`.
 */
export type Importer = (chunks: AsyncIterable<Buffer>, context: ImportContext) => AsyncGenerator<readonly TrafficItem[]>;
