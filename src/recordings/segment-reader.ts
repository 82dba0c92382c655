import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { ForeshardError } from '../model/errors.ts';
import type { RecordingLine } from '../model/recording.ts';
import { numbered, numbersOf } from './layout.ts';
import { lineProblem } from './line-check.ts';
import { EndlessLineError, splitLines, type NumberedLine } from './lines.ts';

/**
 * Every line of every segment, in order. A last line that was cut off ends the stream without a word: a killed writer leaves one.
 * @throws ForeshardError `recording_damaged` with file and line for anything else that is not as written
 */
export async function* readSegments(folder: string): AsyncGenerator<RecordingLine> {
  const numbers = await numbersOf(folder, 'jsonl');
  let lines = 0;
  for (const [index, number] of numbers.entries()) {
    const path = join(folder, numbered(number, 'jsonl'));
    const last = index === numbers.length - 1;
    if (number !== index + 1) throw damaged(join(folder, numbered(index + 1, 'jsonl')), 1, 'the segment is missing');
    for await (const line of segmentLines(path)) {
      const value = parsed(line);
      if (value === undefined && last && !line.whole) return;
      if (value === undefined) throw damaged(path, line.number, 'not JSON');
      if (line.number === 1) {
        checkHead(path, value, number, lines);
        continue;
      }
      const problem = lineProblem(value);
      if (problem !== undefined) throw damaged(path, line.number, problem);
      lines += 1;
      yield value as RecordingLine;
    }
  }
}

async function* segmentLines(path: string): AsyncGenerator<NumberedLine> {
  try {
    yield* splitLines(createReadStream(path, { highWaterMark: 1024 * 1024 }));
  } catch (error) {
    if (error instanceof EndlessLineError) throw damaged(path, 0, error.message);
    throw error;
  }
}

function checkHead(path: string, value: unknown, number: number, lines: number): void {
  const head = value as { kind?: unknown; number?: unknown; lines?: unknown } | null;
  if (head?.kind !== 'segment' || head.number !== number) throw damaged(path, 1, `not the beginning of segment ${number}`);
  if (head.lines !== lines) throw damaged(path, 1, `${String(head.lines)} lines should come before this segment, ${lines} do`);
}

function parsed(line: NumberedLine): unknown {
  try {
    return JSON.parse(line.text) as unknown;
  } catch {
    return undefined;
  }
}

function damaged(path: string, line: number, what: string): ForeshardError {
  return new ForeshardError('recording_damaged', `${path}${line > 0 ? `, line ${line}` : ''}: ${what}.`, {
    hint: `Get ${basename(path)} back from a copy, or record again.`,
  });
}
