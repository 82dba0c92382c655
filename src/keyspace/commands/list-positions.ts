import type { ByteString } from '../../lib/bytes.ts';

/** Indexes of the items equal to `value`, in the order they are met; the first `skip` matches are passed over. */
export function listPositions(items: readonly ByteString[], value: ByteString, options: {
  readonly fromEnd: boolean;
  readonly skip: number;
  readonly limit: number;
  readonly maxCompared: number;
}): number[] {
  const positions: number[] = [];
  let left = options.skip;
  const compared = Math.min(items.length, options.maxCompared);
  for (let step = 0; step < compared && positions.length < options.limit; step++) {
    const index = options.fromEnd ? items.length - 1 - step : step;
    if (items[index] !== value) continue;
    if (left > 0) left--;
    else positions.push(index);
  }
  return positions;
}
