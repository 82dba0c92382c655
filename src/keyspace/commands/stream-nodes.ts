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

function integerBytes(value: bigint): number {
  if (value >= 0n && value <= 127n) return 1;
  for (const [bits, bytes] of [[13n, 2], [16n, 3], [24n, 4], [32n, 5]] as const) {
    if (value >= -(1n << (bits - 1n)) && value < 1n << (bits - 1n)) return bytes;
  }
  return 9;
}

/** Bytes of one listpack element: encoding, payload and the length at its end. */
function elementBytes(text: ByteString): number {
  const integer = text.length <= 20 ? parseInt64(text) : undefined;
  const { length } = text;
  const size = integer === undefined ? length + (length < 64 ? 1 : length < 4096 ? 2 : 5) : integerBytes(integer);
  return size + (size <= 127 ? 1 : size < 16383 ? 2 : size < 2097151 ? 3 : size < 268435455 ? 4 : 5);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function entryBytes(item: StreamItem, master: StreamItem): number {
  const same = item.fields.length === master.fields.length && item.fields.every(([field], index) => field === master.fields[index]?.[0]);
  const id = partsOf(item.id);
  const masterId = partsOf(master.id);
  const fields = item.fields.map(([field, value]) => (same ? 0 : elementBytes(field)) + elementBytes(value));
  const tail = same ? item.fields.length + 3 : 2 * item.fields.length + 4;
  const numbers = [2n, id.ms - masterId.ms, BigInt.asIntN(64, id.sequence - masterId.sequence), BigInt(tail), ...(same ? [] : [BigInt(item.fields.length)])];
  return sum(fields) + sum(numbers.map((value) => integerBytes(value) + 1));
}

/** Index after the last entry of the node that begins at `start`. */
export function nodeEnd(items: readonly StreamItem[], start: number): number {
  const master = items[start];
  if (master === undefined) return start;
  // Header, terminator, and the master entry: count, deleted, number of fields, the fields, a zero.
  let bytes = 7 + 6 + integerBytes(BigInt(master.fields.length)) + 1 + sum(master.fields.map(([field]) => elementBytes(field)));
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
