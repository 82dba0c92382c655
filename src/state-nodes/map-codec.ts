import { decodeShardMap, decodeShardMapDiff, encodeShardMap, encodeShardMapDiff } from '../model/artefact-codec.ts';
import { applyDiff, diffMaps } from '../model/map-diff.ts';
import type { ShardMap } from '../model/shard-map.ts';

/** How shard maps travel through a coordinator. */
export interface MapCodec {
  readonly encode: (map: ShardMap) => string;
  /** @throws ForeshardError `recording_newer`, `recording_damaged` */
  readonly decode: (text: string) => ShardMap;
  /** What leads from a map to the next; undefined: only the whole map does. */
  readonly diff: (before: ShardMap, after: ShardMap) => string | undefined;
  /** @throws ForeshardError `map_outdated` when it is not for this map */
  readonly apply: (map: ShardMap, diff: string) => ShardMap;
}

/** Maps and diffs as they are kept in files. */
export const mapCodec: MapCodec = {
  encode: encodeShardMap,
  decode: decodeShardMap,
  diff: (before, after) => (before.incarnation === after.incarnation && before.epoch < after.epoch ? encodeShardMapDiff(diffMaps(before, after)) : undefined),
  apply: (map, diff) => applyDiff(map, decodeShardMapDiff(diff)),
};
