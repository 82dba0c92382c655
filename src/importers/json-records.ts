import type { ImportContext } from './importer.ts';
import { startingWith } from './input.ts';
import { JsonElements } from './json-elements.ts';
import { fieldsOf, parseJson } from './json-fields.ts';
import { lines } from './lines.ts';

/** One element of a list in a JSON document. */
export interface JsonRecord {
  /** The name of the list, for example `resourceSpans`. */
  readonly list: string;
  /** The line it stands on, or its number in the document. */
  readonly number: number;
  readonly value: unknown;
}

/** Where no two lines end within so much, it is one document. */
const longestFirstLinesBytes = 16 * 1024 * 1024;
/** Objects are walked so deep for their lists: `{"trace": {"resourceSpans": [`. */
const deepestList = 3;

/**
 * The elements of the lists of JSON documents: one document a line, or one (or several) over many lines. Documents of any size pass; an
 * element has to fit into memory. What is no JSON is counted as bad in the context.
 * @throws ForeshardError `input_unreadable` where one element is too large
 */
export async function* jsonRecords(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly JsonRecord[]> {
  const source = asGenerator(chunks);
  const { head, isByLine } = await firstLines(source);
  const all = startingWith(head, source);
  yield* isByLine ? byLine(all, context) : byDocument(all, context);
}

async function* asGenerator(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* chunks;
}

/** A document a line: the first line is one, or the second where the first is damaged. Of a document over many lines neither is. */
async function firstLines(source: AsyncGenerator<Buffer>): Promise<{ readonly head: Buffer; readonly isByLine: boolean }> {
  const pieces: Buffer[] = [];
  let sizeBytes = 0;
  let lineEnds = 0;
  while (sizeBytes < longestFirstLinesBytes && lineEnds < 2) {
    const next = await source.next();
    if (next.done === true) break;
    pieces.push(next.value);
    sizeBytes += next.value.length;
    for (let at = next.value.indexOf(0x0a); at >= 0 && lineEnds < 2; at = next.value.indexOf(0x0a, at + 1)) lineEnds++;
  }
  const head = Buffer.concat(pieces);
  if (lineEnds === 0) return { head, isByLine: false };
  const [first, second] = head.toString('utf8').replace(/^\ufeff/, '').split('\n', 2);
  return { head, isByLine: [first, second].some((line) => line !== undefined && isObject(parseJson(line))) };
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function* byLine(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly JsonRecord[]> {
  for await (const batch of lines(chunks, { encoding: 'utf8' })) {
    for (const line of batch) {
      if (line.text.trim() === '') continue;
      const value = line.isTooLong ? undefined : parseJson(line.text);
      if (value === undefined) context.problems.addBad({ number: line.number, reason: line.isTooLong ? 'line too long' : 'no JSON', text: line.text });
      else yield listsOf(value, line.number, deepestList);
    }
  }
}

function listsOf(value: unknown, number: number, depth: number): JsonRecord[] {
  return Object.entries(fieldsOf(value)).flatMap(([list, inner]) => {
    if (Array.isArray(inner)) return (inner as readonly unknown[]).map((element) => ({ list, number, value: element }));
    return depth > 1 ? listsOf(inner, number, depth - 1) : [];
  });
}

async function* byDocument(chunks: AsyncIterable<Buffer>, context: ImportContext): AsyncGenerator<readonly JsonRecord[]> {
  const elements = new JsonElements({ input: context.input });
  let number = 0;
  const parsed = (found: ReturnType<JsonElements['push']>): JsonRecord[] => found.flatMap((finding) => {
    number++;
    if ('reason' in finding) {
      context.problems.addBad({ number, reason: finding.reason, text: finding.text });
      return [];
    }
    const value = parseJson(finding.text);
    if (value !== undefined) return [{ list: finding.list, number, value }];
    context.problems.addBad({ number, reason: 'no JSON', text: finding.text });
    return [];
  });
  for await (const chunk of chunks) yield parsed(elements.push(chunk));
  yield parsed(elements.end());
}
