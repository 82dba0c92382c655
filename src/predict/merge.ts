import type { TrafficItem } from '../model/traffic.ts';

/** One of the streams, with the batch that is being given out. */
interface Source { readonly batches: AsyncIterator<readonly TrafficItem[]>; batch: readonly TrafficItem[]; at: number }

const batchSize = 10_000;

/** Streams that are each in order of time as one, in order of time. */
export async function* merged(streams: readonly AsyncIterable<readonly TrafficItem[]>[]): AsyncGenerator<readonly TrafficItem[]> {
  const [only] = streams;
  if (only !== undefined && streams.length === 1) {
    yield* only;
    return;
  }
  const sources = streams.map((stream): Source => ({ batches: stream[Symbol.asyncIterator](), batch: [], at: 0 }));
  const open: Source[] = [];
  for (const source of sources) if (await refill(source)) open.push(source);
  let batch: TrafficItem[] = [];
  while (open.length > 0) {
    const next = open.reduce((first, one) => (timeOf(one) < timeOf(first) ? one : first));
    batch.push(next.batch[next.at++] as TrafficItem);
    if (batch.length >= batchSize) {
      yield batch;
      batch = [];
    }
    if (next.at >= next.batch.length && !await refill(next)) open.splice(open.indexOf(next), 1);
  }
  if (batch.length > 0) yield batch;
}

function timeOf({ batch, at }: Source): number {
  return (batch[at] as TrafficItem).at;
}

/** The next batch that holds something; false at the end. */
async function refill(source: Source): Promise<boolean> {
  for (;;) {
    const next = await source.batches.next();
    if (next.done === true) return false;
    if (next.value.length === 0) continue;
    source.batch = next.value;
    source.at = 0;
    return true;
  }
}
