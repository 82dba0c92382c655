import { ForeshardError } from '../../model/errors.ts';
import { largestElementBytes, type JsonBreak } from '../json-elements.ts';

/** How messages follow each other in a file: one alone, or each after its length, in 4 bytes (the Collector) or as a varint (Java and others). */
export type Framing = 'raw' | 'length32' | 'varint';

/** One element of the list that a message begins with. */
export interface ProtobufElement {
  /** From 1 on. */
  readonly number: number;
  readonly bytes: Buffer;
}

/** The tag of field 1, of a length: what all messages of OTLP consist of. */
const elementTag = 0x0a;
/** What a ResourceSpans or ResourceMetrics can begin with: resource, scopes, schema URL, scopes of before 2022. */
const innerTags: ReadonlySet<number> = new Set([0x0a, 0x12, 0x1a, 0xc2]);
const longestVarint = 10;

/** How the messages of a file are framed, by its first bytes; undefined where they are no messages of OTLP. */
export function framingOf(head: Buffer): Framing | undefined {
  if (isElement(head, 0)) return 'raw';
  if (head.length >= 5 && head[0] === 0 && isElement(head, 4)) return 'length32';
  const length = varintAt(head, 0);
  return length !== undefined && length.value > 0 && isElement(head, length.next) ? 'varint' : undefined;
}

function isElement(head: Buffer, at: number): boolean {
  if (head[at] !== elementTag) return false;
  const outer = varintAt(head, at + 1);
  if (outer === undefined || outer.value === 0) return false;
  const inner = varintAt(head, outer.next + (head[outer.next] === 0xc2 ? 2 : 1));
  return innerTags.has(head[outer.next] ?? 0) && inner !== undefined && inner.value + 2 <= outer.value;
}

function varintAt(bytes: Buffer, at: number): { readonly value: number; readonly next: number } | undefined {
  let value = 0;
  for (let index = 0; index < longestVarint; index++) {
    const byte = bytes[at + index];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return { value, next: at + index + 1 };
  }
  return undefined;
}

/** What stands at the start of the bytes that have come. */
type Step =
  | { readonly kind: 'more'; readonly need: number }
  | { readonly kind: 'length'; readonly value: number; readonly end: number }
  | { readonly kind: 'element'; readonly bytes: Buffer; readonly end: number }
  | { readonly kind: 'broken'; readonly reason: string };

/** Splits messages into the elements of their first list without holding a message. */
export class ProtobufElements {
  readonly #input: string;
  #framing: Framing | undefined;
  /** What came and could not be used yet; it is joined only when enough is there. */
  #pieces: Buffer[] = [];
  #have = 0;
  #need = 16;
  /** Bytes that the current message still has. */
  #messageLeft = 0;
  #number = 0;
  #isBroken = false;

  constructor(input: string) {
    this.#input = input;
  }

  /**
   * Takes the next chunk. After a {@link JsonBreak} nothing more is found.
   * @throws ForeshardError `input_unreadable` where one element is too large
   */
  push(chunk: Buffer): (ProtobufElement | JsonBreak)[] {
    if (this.#isBroken) return [];
    this.#pieces.push(chunk);
    this.#have += chunk.length;
    return this.#have < this.#need ? [] : this.#split();
  }

  /** Ends the file. */
  end(): (ProtobufElement | JsonBreak)[] {
    if (this.#isBroken || this.#have === 0) return [];
    const found = this.#split();
    if (this.#have > 0 && !this.#isBroken) found.push({ reason: 'the message ends early', text: Buffer.concat(this.#pieces).toString('latin1', 0, 200) });
    return found;
  }

  #split(): (ProtobufElement | JsonBreak)[] {
    let bytes = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const found: (ProtobufElement | JsonBreak)[] = [];
    if (this.#framing === undefined) {
      this.#framing = framingOf(bytes);
      if (this.#framing === 'raw') this.#messageLeft = Number.POSITIVE_INFINITY;
    }
    while (bytes.length > 0 && !this.#isBroken) {
      const step = this.#stepAt(bytes);
      if (step.kind === 'more') {
        this.#need = step.need;
        break;
      }
      if (step.kind === 'broken') {
        this.#isBroken = true;
        found.push({ reason: step.reason, text: bytes.toString('latin1', 0, 200) });
        break;
      }
      if (step.kind === 'length') this.#messageLeft = step.value;
      else {
        this.#messageLeft -= step.end;
        found.push({ number: ++this.#number, bytes: step.bytes });
      }
      bytes = bytes.subarray(step.end);
    }
    this.#pieces = bytes.length === 0 ? [] : [bytes];
    this.#have = bytes.length;
    return found;
  }

  #stepAt(bytes: Buffer): Step {
    if (this.#framing === undefined) return { kind: 'broken', reason: 'no message of OTLP' };
    if (this.#messageLeft === 0) return this.#lengthAt(bytes);
    if (bytes[0] !== elementTag) return { kind: 'broken', reason: 'no message of OTLP' };
    const length = varintAt(bytes, 1);
    if (length === undefined) return bytes.length > longestVarint ? { kind: 'broken', reason: 'no message of OTLP' } : { kind: 'more', need: bytes.length + 1 };
    if (length.value > largestElementBytes) {
      const megabytes = Math.round(length.value / 1024 / 1024);
      throw new ForeshardError('input_unreadable', `${this.#input}: an element of its messages is said to have ${megabytes} MB.`, { hint: 'Export it in smaller batches.' });
    }
    const end = length.next + length.value;
    if (end > this.#messageLeft) return { kind: 'broken', reason: 'an element is longer than its message' };
    return end > bytes.length ? { kind: 'more', need: end } : { kind: 'element', bytes: bytes.subarray(length.next, end), end };
  }

  #lengthAt(bytes: Buffer): Step {
    if (this.#framing === 'length32') return bytes.length < 4 ? { kind: 'more', need: 4 } : { kind: 'length', value: bytes.readUInt32BE(0), end: 4 };
    const length = varintAt(bytes, 0);
    if (length !== undefined) return { kind: 'length', value: length.value, end: length.next };
    return bytes.length >= longestVarint ? { kind: 'broken', reason: 'no message of OTLP' } : { kind: 'more', need: bytes.length + 1 };
  }
}
