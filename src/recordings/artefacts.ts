import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import { ForeshardError } from '../model/errors.ts';
import { names, writeAtomically } from './layout.ts';
import { decodeItem, encodeItem } from './item-codec.ts';
import { splitLines } from './lines.ts';

const zip = promisify(gzip);
const memberCharacters = 1024 * 1024;

/** What every kept artefact begins with. */
export interface ArtefactHead {
  readonly kind: string;
  readonly formatVersion: number;
}

/** An artefact as it was kept. */
export interface KeptArtefact {
  readonly head: ArtefactHead;
  readonly items: readonly unknown[];
}

/**
 * Keeps an artefact with the recording, replacing the one of that name: gzipped JSON, the head in the first line and one item in
 * each further line, so that an artefact of any size (a run of a hundred thousand cases) is never one string. A reader sees the old one or the new.
 * @param name letters, digits, `.`, `-` and `_`
 */
export async function writeArtefact(folder: string, name: string, head: ArtefactHead, items: Iterable<unknown> = []): Promise<void> {
  await writeAtomically(join(folder, names.artefacts), fileName(name), zipped(linesOf(head, items)));
}

/**
 * Reads an artefact kept with the recording; undefined where there is none.
 * @param expected its kind, and the highest format the caller can read
 * @throws ForeshardError `recording_damaged`, `recording_newer`
 */
export async function readArtefact(folder: string, name: string, expected: ArtefactHead): Promise<KeptArtefact | undefined> {
  const path = join(folder, names.artefacts, fileName(name));
  try {
    const [head, ...items] = await parsedLines(path);
    return { head: checkedHead(path, head, expected), items };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof ForeshardError) throw error;
    throw damaged(path, `cannot be read: ${(error as Error).message}`, error);
  }
}

/** The last line counts the items, so that a file that was cut between two gzip members is noticed. */
function* linesOf(head: ArtefactHead, items: Iterable<unknown>): Generator<string> {
  yield JSON.stringify(head);
  let count = 0;
  for (const item of items) {
    // An undefined item is null, as it is inside any array.
    yield encodeItem(item ?? null);
    count += 1;
  }
  yield JSON.stringify({ items: count });
}

/** Gzip members of about 1 MB of lines each: a row of members is a gzip file (RFC 1952, 2.2). */
async function* zipped(lines: Iterable<string>): AsyncGenerator<Uint8Array> {
  let text = '';
  for (const line of lines) {
    text += `${line}\n`;
    if (text.length < memberCharacters) continue;
    yield await zip(text, { level: 1 });
    text = '';
  }
  if (text !== '') yield await zip(text, { level: 1 });
}

async function parsedLines(path: string): Promise<unknown[]> {
  const source = createReadStream(path);
  const unzipped = createGunzip();
  source.on('error', (error) => unzipped.destroy(error));
  const values: unknown[] = [];
  for await (const line of splitLines(source.pipe(unzipped))) values.push(decodeItem(line.text));
  const last = values.pop() as { items?: unknown } | null | undefined;
  if (last?.items !== values.length - 1) throw new Error('the end is missing');
  return values;
}

function checkedHead(path: string, value: unknown, expected: ArtefactHead): ArtefactHead {
  const head = value as Partial<ArtefactHead> | null;
  if (head?.kind !== expected.kind || typeof head.formatVersion !== 'number') throw damaged(path, `is no ${expected.kind}`);
  if (head.formatVersion > expected.formatVersion) {
    throw new ForeshardError('recording_newer', `${path} has format ${head.formatVersion}; this release reads up to ${expected.formatVersion}.`, {
      hint: 'Use a later release of Foreshard, or delete the file.',
    });
  }
  return head as ArtefactHead;
}

function damaged(path: string, what: string, cause?: unknown): ForeshardError {
  return new ForeshardError('recording_damaged', `${path} ${what}.`, { hint: 'Delete the file: it is made again from the recording.', cause });
}

function fileName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) throw new ForeshardError('usage', `"${name}" cannot name an artefact.`);
  return `${name}.jsonl.gz`;
}
