/**
 * How Redis would pack a stream into listpacks: `MAXLEN ~` removes whole ones only, and XINFO counts them. Packing starts at the first
 * entry, as in a stream that was only ever appended to and trimmed; one with deletions in the middle may be packed otherwise.
 */
import type { ByteString } from '../../lib/bytes.ts';
import type { StreamItem } from '../../model/element.ts';
import { parseInt64 } from '../integers.ts';
import { partsOf } from './stream-ids.ts';

/** Redis' defaults of stream-node-max-entries and stream-node-max-bytes. */
const nodeEntries = 100;
const nodeBytes = 4096;

/** Bytes of an integer's encoding, its payload included; the last digits of large ones do not matter. */
function integerBytes(value: number): number {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value < 4096) return 2;
  if (value >= -32_768 && value < 32_768) return 3;
  if (value >= -8_388_608 && value < 8_388_608) return 4;
  return value >= -2_147_483_648 && value < 2_147_483_648 ? 5 : 9;
}

/** Bytes of one listpack element: encoding, payload and the length at its end. */
function elementBytes(text: ByteString): number {
  const { length } = text;
  const size = length <= 20 && parseInt64(text) !== undefined ? integerBytes(Number(text)) : length + (length < 64 ? 1 : length < 4096 ? 2 : 5);
  return size + (size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function entryBytes(item: StreamItem, master: StreamItem): number {
  const same = item.fields.length === master.fields.length && item.fields.every(([field], index) => field === master.fields[index]?.[0]);
  const [ms, sequence] = distance(master.id, item.id);
  const count = item.fields.length;
  let bytes = 2 + integerBytes(ms) + 1 + integerBytes(sequence) + 1 + integerBytes(same ? count + 3 : 2 * count + 4) + 1;
  if (!same) bytes += integerBytes(count) + 1;
  for (const [field, value] of item.fields) bytes += (same ? 0 : elementBytes(field)) + elementBytes(value);
  return bytes;
}

/** How far an id lies after another one, in both halves; sequences wrap round at 64 bits. */
function distance(from: string, to: string): readonly [ms: number, sequence: number] {
  if (from.length <= 24 && to.length <= 24) {
    const [dashFrom, dashTo] = [from.indexOf('-'), to.indexOf('-')];
    if (dashFrom <= 15 && dashTo <= 15 && from.length - dashFrom <= 15 && to.length - dashTo <= 15) {
      return [Number(to.slice(0, dashTo)) - Number(from.slice(0, dashFrom)), Number(to.slice(dashTo + 1)) - Number(from.slice(dashFrom + 1))];
    }
  }
  const [start, end] = [partsOf(from), partsOf(to)];
  return [Number(BigInt.asIntN(64, end.ms - start.ms)), Number(BigInt.asIntN(64, end.sequence - start.sequence))];
}

/** Index after the last entry of the node that begins at `start`. */
export function nodeEnd(items: readonly StreamItem[], start: number): number {
  const master = items[start];
  if (master === undefined) return start;
  // Header, terminator, and the master entry: count, deleted, number of fields, the fields, a zero.
  let bytes = 7 + 6 + integerBytes(master.fields.length) + 1 + sum(master.fields.map(([field]) => elementBytes(field)));
  let end = start;
  for (let item: StreamItem | undefined = master; item !== undefined && end - start < nodeEntries; item = items[end]) {
    const payload = sum(item.fields.map(([field, value]) => field.length + value.length));
    if (end > start && bytes + payload >= nodeBytes) break;
    bytes += entryBytes(item, master);
    end++;
  }
  return end;
}

/** How many nodes a stream has, and how many the radix tree over their first ids. */
export function countNodes(items: readonly StreamItem[]): { readonly listpacks: number; readonly treeNodes: number } {
  const starts: string[] = [];
  for (let start = 0; start < items.length; start = nodeEnd(items, start)) starts.push(treeKey((items[start] as StreamItem).id));
  return { listpacks: starts.length, treeNodes: starts.length === 0 ? 1 : treeNodes(starts, 0) };
}

/** Both numbers in 16 bytes, written as 32 hexadecimal digits. */
function treeKey(id: string): string {
  const { ms, sequence } = partsOf(id);
  return ms.toString(16).padStart(16, '0') + sequence.toString(16).padStart(16, '0');
}

/** Nodes of the compressed tree over sorted keys of one length, two digits a byte. */
function treeNodes(keys: readonly string[], from: number): number {
  const first = keys[0] ?? '';
  const last = keys.at(-1) ?? '';
  if (from === first.length) return 1;
  let at = from;
  while (at < first.length && first.slice(at, at + 2) === last.slice(at, at + 2)) at += 2;
  if (at > from) return 1 + treeNodes(keys, at);
  const branches = new Map<string, string[]>();
  for (const key of keys) {
    const byte = key.slice(at, at + 2);
    const branch = branches.get(byte);
    if (branch === undefined) branches.set(byte, [key]);
    else branch.push(key);
  }
  return 1 + sum([...branches.values()].map((branch) => treeNodes(branch, at + 2)));
}
