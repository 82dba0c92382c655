import { ForeshardError } from './errors.ts';
import { heatmapFormatVersion, type Heatmap } from './heatmap.ts';
import { shardMapDiffFormatVersion, type ShardMapDiff } from './map-diff.ts';
import { shardMapFormatVersion, slotCount, type Member, type ShardMap, type SlotChange } from './shard-map.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A heatmap as JSON. */
export function encodeHeatmap(heatmap: Heatmap): string {
  return JSON.stringify(heatmap);
}

/** @throws ForeshardError `recording_damaged`, `recording_newer` */
export function decodeHeatmap(text: string): Heatmap {
  const fields = parsed(text, 'heatmap', heatmapFormatVersion);
  const numbers = (value: unknown): boolean => Array.isArray(value) && value.length === fields['buckets'] && value.every((item) => typeof item === 'number');
  const whole = typeof fields['source'] === 'string' && ['startMs', 'bucketMs', 'buckets'].every((name) => typeof fields[name] === 'number')
    && every(fields['elements'], (element) => typeof element['key'] === 'string' && ['pRead', 'pWrite', 'expected', 'low', 'high'].every((name) => numbers(element[name])))
    && every(fields['groups'], (group) => typeof group['weight'] === 'number' && Array.isArray(group['keys']) && group['keys'].every((key) => typeof key === 'string'));
  if (!whole || !hasSoundForecast(fields, numbers)) throw damaged('heatmap', 'fields are missing or wrong');
  return fields as unknown as Heatmap;
}

/** Fields that only forecasts have, and earlier formats not. */
function hasSoundForecast(fields: Fields, numbers: (value: unknown) => boolean): boolean {
  const { rest, series, models, members, graph, notes } = fields;
  const maybe = (list: unknown, check: (item: Fields) => boolean): boolean => list === undefined || every(list, check);
  const isReason = ({ why }: Fields): boolean => why === undefined || (every([why], ({ rate, total, lastAt }) => [rate, total, lastAt].every((value) => typeof value === 'number')) && every((why as Fields)['routes'], ({ route, share }) => typeof route === 'string' && typeof share === 'number'));
  return every(fields['elements'], isReason)
    && maybe(rest === undefined ? [] : [rest], ({ elements, expected }) => typeof elements === 'number' && numbers(expected))
    && maybe(series, (one) => [one['name'], one['model'], one['why']].every((value) => typeof value === 'string') && numbers(one['median']) && Array.isArray(one['observed']) && every(one['scores'], ({ name }) => typeof name === 'string'))
    && maybe(models, ({ method, scores }) => typeof method === 'string' && every(scores, () => true))
    && maybe(members, ({ member, metric, headroom }) => typeof member === 'string' && typeof metric === 'string' && numbers(headroom))
    && maybe(graph === undefined ? [] : [graph], ({ nodes, edges }) => every(nodes, ({ name }) => typeof name === 'string') && every(edges, ({ from, to }) => typeof from === 'string' && typeof to === 'string'))
    && (notes === undefined || (Array.isArray(notes) && notes.every((note) => typeof note === 'string')));
}

/** A shard map as JSON: slots as base64 of unsigned 16-bit numbers, low byte first; ages as base64 of bytes. */
export function encodeShardMap(map: ShardMap): string {
  return JSON.stringify({ ...map, slots: base64Of(map.slots), ages: Buffer.from(map.ages).toString('base64'), overrides: [...map.overrides], changes: [...map.changes] });
}

/** @throws ForeshardError `recording_damaged`, `recording_newer` */
export function decodeShardMap(text: string): ShardMap {
  const fields = parsed(text, 'shard-map', shardMapFormatVersion);
  if (fields['formatVersion'] !== shardMapFormatVersion) throw damaged('shard-map', `format ${fields['formatVersion'] as number} is no longer read`);
  const { members, sets, slots, ages, overrides, changes, epoch, incarnation, kind } = fields;
  if (typeof epoch !== 'number' || typeof incarnation !== 'number' || !every(members, isMember)) throw damaged('shard-map', 'members are missing or wrong');
  const memberCount = (members as readonly unknown[]).length;
  if (!isListOf(sets, (set) => isSet(set, memberCount))) throw damaged('shard-map', 'replica sets are missing or wrong');
  const setCount = (sets as readonly unknown[]).length;
  if (!isListOf(overrides, (entry) => isPair(entry, 2 ** 32, (set) => isIndex(set, setCount)))) throw damaged('shard-map', 'overrides are missing or wrong');
  if (!isListOf(changes, (entry) => isPair(entry, slotCount, (change) => isChange(change, setCount, memberCount)))) throw damaged('shard-map', 'changes are missing or wrong');
  const old = Buffer.from(typeof ages === 'string' ? ages : '', 'base64');
  if (old.length !== slotCount) throw damaged('shard-map', `it has ages of ${old.length} slots`);
  return {
    kind: kind as 'shard-map', formatVersion: shardMapFormatVersion, incarnation, epoch, members: members as readonly Member[], sets: sets as readonly (readonly number[])[],
    slots: decodeSlots(slots, setCount), ages: new Uint8Array(old), overrides: new Map(overrides as readonly [number, number][]), changes: new Map(changes as readonly [number, SlotChange][]),
  };
}

/** A difference of shard maps as JSON: slots and their sets as base64 of unsigned 16-bit numbers, low byte first. */
export function encodeShardMapDiff(diff: ShardMapDiff): string {
  return JSON.stringify({ ...diff, slots: base64Of(diff.slots), slotSets: base64Of(diff.slotSets) });
}

/** Whether it fits a map is for `applyDiff` to say. @throws ForeshardError `recording_damaged`, `recording_newer` */
export function decodeShardMapDiff(text: string): ShardMapDiff {
  const fields = parsed(text, 'shard-map-diff', shardMapDiffFormatVersion);
  const { from, to, base, members, setCount, sets, ages, overrides, overridesGone, changes, changesGone } = fields;
  const anyIndex = (value: unknown): boolean => isIndex(value, noSuchSet);
  const whole = every([from, to], ({ incarnation, epoch }) => isWhole(incarnation) && isWhole(epoch)) && isWhole(base) && isIndex(setCount, noSuchSet + 1)
    && (members === undefined || every(members, isMember))
    && isListOf(sets, (entry) => isPair(entry, setCount as number, (set) => isSet(set, noSuchSet)))
    && isListOf(ages, (entry) => isPair(entry, slotCount, (age) => isIndex(age, 256)))
    && isListOf(overrides, (entry) => isPair(entry, 2 ** 32, anyIndex)) && isListOf(overridesGone, (tag) => isIndex(tag, 2 ** 32))
    && isListOf(changes, (entry) => isPair(entry, slotCount, (change) => isChange(change, noSuchSet, noSuchSet))) && isListOf(changesGone, (slot) => isIndex(slot, slotCount));
  const [slots, slotSets] = [uint16Of(fields['slots']), uint16Of(fields['slotSets'])];
  if (!whole || slots.length !== slotSets.length) throw damaged('shard-map-diff', 'fields are missing or wrong');
  return { ...(fields as unknown as ShardMapDiff), slots, slotSets };
}

/** More sets, and more members, than this have no numbers. */
const noSuchSet = 65_536;

function base64Of(numbers: Uint16Array): string {
  const bytes = Buffer.alloc(numbers.length * 2);
  for (const [index, value] of numbers.entries()) bytes.writeUInt16LE(value, index * 2);
  return bytes.toString('base64');
}

function uint16Of(text: unknown): Uint16Array {
  const bytes = Buffer.from(typeof text === 'string' ? text : '', 'base64');
  return Uint16Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readUInt16LE(index * 2));
}

function decodeSlots(text: unknown, sets: number): Uint16Array {
  const slots = uint16Of(text);
  if (slots.length !== slotCount) throw damaged('shard-map', `it has ${slots.length} slots`);
  if (slots.some((set) => set >= sets)) throw damaged('shard-map', 'a slot has no replica set');
  return slots;
}

function isListOf(list: unknown, check: (item: unknown) => boolean): boolean {
  return Array.isArray(list) && list.every(check);
}

function isPair(entry: unknown, keys: number, check: (value: unknown) => boolean): boolean {
  return Array.isArray(entry) && entry.length === 2 && isIndex(entry[0], keys) && check(entry[1]);
}

function isSet(set: unknown, members: number): boolean {
  return isListOf(set, (index) => isIndex(index, members)) && (set as readonly unknown[]).length > 0;
}

function isChange(change: unknown, sets: number, members: number): boolean {
  return every([change], ({ old, joining, pull }) => isIndex(old, sets) && Number.isInteger(pull) && isListOf(joining, (index) => isIndex(index, members)));
}

function isWhole(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isMember(member: Fields): boolean {
  return ['id', 'address', 'zone'].every((name) => typeof member[name] === 'string') && typeof member['capacity'] === 'number' && ['undefined', 'string'].includes(typeof member['life']);
}

function isIndex(value: unknown, length: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < length;
}

function every(list: unknown, check: (item: Fields) => boolean): boolean {
  return Array.isArray(list) && list.every((item) => typeof item === 'object' && item !== null && check(item as Fields));
}

function parsed(text: string, kind: string, formatVersion: number): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged(kind, (error as Error).message, error);
  }
  const fields = (typeof value === 'object' && value !== null ? value : {}) as Fields;
  if (fields['kind'] !== kind || typeof fields['formatVersion'] !== 'number') throw damaged(kind, `its kind is ${JSON.stringify(fields['kind'])}`);
  if (fields['formatVersion'] > formatVersion) {
    throw new ForeshardError('recording_newer', `The ${kind} has format ${fields['formatVersion']}; this release reads up to ${formatVersion}.`, { hint: 'Use a later release of Foreshard.' });
  }
  return fields;
}

function damaged(kind: string, what: string, cause?: unknown): ForeshardError {
  return new ForeshardError('recording_damaged', `This is no ${kind}: ${what}.`, { hint: 'Make it again from the recording.', cause });
}
