import { ForeshardError } from '../model/errors.ts';

/** One object or list of a list that stands in a JSON document. */
export interface JsonElement {
  /** The name of the list. */
  readonly list: string;
  /** From 1 on, over all lists. */
  readonly number: number;
  readonly text: string;
}

/** A document that is no JSON, or ends before it is complete. */
export interface JsonBreak {
  readonly reason: string;
  /** What stood there. */
  readonly text: string;
}

/** What {@link JsonElements} finds. */
export type JsonFinding = JsonElement | JsonBreak;

/** The largest document, or element of one, that is read in one piece. */
export const largestElementBytes: number = 256 * 1024 * 1024;

/** An element that has begun. */
interface Capture {
  depth: number;
  isInString: boolean;
  sizeBytes: number;
  readonly pieces: Buffer[];
}

const deepest = 16;
const longestName = 256;
const quote = 0x22;
const backslash = 0x5c;
const [openObject, closeObject, openList, closeList, comma, colon] = [0x7b, 0x7d, 0x5b, 0x5d, 0x2c, 0x3a] as const;

/**
 * Splits JSON documents into the elements of their lists without ever holding a document: `{"resourceSpans": [A, B]}` gives A and B.
 * Objects are walked, down to the first list on the way; each of its elements that is an object or a list is given out as text. One
 * document may follow the other. What the elements hold is left to whoever parses them.
 */
export class JsonElements {
  readonly #input: string;
  readonly #limitBytes: number;
  /** The objects and the list around what is being read. */
  readonly #around: { readonly isList: boolean; readonly name: string }[] = [];
  #name = '';
  /** A string outside of elements: its bytes, as far as they are kept. */
  #string: number[] | undefined;
  #isEscaped = false;
  #capture: Capture | undefined;
  #number = 0;
  #isBroken = false;

  constructor(options: { readonly input: string; readonly limitBytes?: number }) {
    this.#input = options.input;
    this.#limitBytes = options.limitBytes ?? largestElementBytes;
  }

  /**
   * Takes the next chunk. After a {@link JsonBreak} nothing more is found.
   * @throws ForeshardError `input_unreadable` where one element is too large
   */
  push(chunk: Buffer): JsonFinding[] {
    const found: JsonFinding[] = [];
    let at = 0;
    while (at < chunk.length && !this.#isBroken) {
      if (this.#capture !== undefined) at = this.#captured(chunk, at, found);
      else if (this.#string !== undefined) at = this.#inString(chunk, at);
      else at = this.#walk(chunk, at, found);
    }
    return found;
  }

  /** Ends the documents: a {@link JsonBreak} where one is not complete. */
  end(): JsonFinding[] {
    if (this.#isBroken || (this.#around.length === 0 && this.#capture === undefined && this.#string === undefined)) return [];
    const rest = this.#capture === undefined ? '' : Buffer.concat(this.#capture.pieces).toString('utf8', 0, 512);
    return [this.#broken('the document ends early', rest)];
  }

  #broken(reason: string, text: string): JsonBreak {
    this.#isBroken = true;
    return { reason, text };
  }

  /** Between elements: one byte. */
  #walk(chunk: Buffer, at: number, found: JsonFinding[]): number {
    const byte = chunk[at] as number;
    const around = this.#around.at(-1);
    if (byte <= 0x20 || byte === comma || byte === colon) return at + 1;
    if (byte === quote) this.#string = [];
    else if (byte === openObject || byte === openList) {
      if (around?.isList === true) {
        this.#capture = { depth: 0, isInString: false, pieces: [], sizeBytes: 0 };
        return at;
      }
      if (this.#around.length >= deepest) found.push(this.#broken('is nested too deeply', excerpt(chunk, at)));
      this.#around.push({ isList: byte === openList, name: this.#name });
    } else if (byte === closeObject || byte === closeList) {
      if (around === undefined || around.isList !== (byte === closeList)) found.push(this.#broken('is not JSON', excerpt(chunk, at)));
      this.#around.pop();
    } else if (around === undefined || !/[-+.\w]/.test(String.fromCharCode(byte))) found.push(this.#broken('is not JSON', excerpt(chunk, at)));
    return at + 1;
  }

  /** In a string outside of elements: a name, if a colon follows; a value does no harm. */
  #inString(chunk: Buffer, from: number): number {
    const kept = this.#string as number[];
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === backslash) this.#isEscaped = true;
      else if (byte === quote) {
        this.#name = Buffer.from(kept).toString();
        this.#string = undefined;
        return at + 1;
      }
      if (kept.length < longestName) kept.push(byte);
    }
    return chunk.length;
  }

  /** In an element: to its end, or to that of the chunk. */
  #captured(chunk: Buffer, from: number, found: JsonFinding[]): number {
    const capture = this.#capture as Capture;
    const end = this.#endOfElement(chunk, from, capture);
    const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
    capture.pieces.push(piece);
    capture.sizeBytes += piece.length;
    const list = this.#around.at(-1)?.name ?? '';
    if (capture.sizeBytes > this.#limitBytes) {
      const message = `${this.#input}: one element of its list ${list} is larger than ${this.#limitBytes / 1024 / 1024} MB.`;
      throw new ForeshardError('input_unreadable', message, { hint: 'Export it in smaller parts, or one document a line.' });
    }
    if (end < 0) return chunk.length;
    this.#capture = undefined;
    found.push({ list, number: ++this.#number, text: Buffer.concat(capture.pieces).toString('utf8') });
    return end;
  }

  #endOfElement(chunk: Buffer, from: number, capture: Capture): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at] as number;
      if (capture.isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (byte === backslash) this.#isEscaped = true;
        else if (byte === quote) capture.isInString = false;
      } else if (byte === quote) capture.isInString = true;
      else if (byte === openObject || byte === openList) capture.depth++;
      else if ((byte === closeObject || byte === closeList) && --capture.depth === 0) return at + 1;
    }
    return -1;
  }
}

function excerpt(chunk: Buffer, at: number): string {
  return chunk.toString('latin1', Math.max(0, at - 20), at + 100);
}
