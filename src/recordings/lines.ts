import { constants } from 'node:buffer';

/** A line of a file with its number, counted from 1. */
export interface NumberedLine {
  readonly number: number;
  readonly text: string;
  /** Its line end is there. */
  readonly whole: boolean;
}

/** A longer line is damage, not a record: the runtime's longest string. */
const longestLineBytes = constants.MAX_STRING_LENGTH;

/** Thrown for a line that is too long to be one. */
export class EndlessLineError extends Error {
  override readonly name = 'EndlessLineError';
}

/** Splits bytes at line feeds alone: JSON may hold every other line separator of Unicode as it is. */
export async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<NumberedLine> {
  let number = 0;
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      rest.push(chunk.subarray(start, end));
      yield { number: ++number, text: textOf(rest), whole: true };
      rest = [];
      restBytes = 0;
      start = end + 1;
    }
    if (start < chunk.length) rest.push(chunk.subarray(start));
    restBytes += chunk.length - start;
    if (restBytes > longestLineBytes) throw new EndlessLineError(`line ${number + 1} has no end`);
  }
  if (rest.length > 0) yield { number: ++number, text: textOf(rest), whole: false };
}

function textOf(parts: readonly Buffer[]): string {
  return (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString('utf8');
}
