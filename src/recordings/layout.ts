import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The folder of a recording:
 *
 *     manifest.json             what was recorded, by what; written first
 *     segments/000001.jsonl     one object a line; a new segment at about 8 MB
 *     payloads/000001.pack      payloads, each once; a new pack at about 64 MB
 *     payloads/000001.index     where each payload of the pack is; made again by a scan where it is missing or stale
 *     artefacts/<name>.jsonl.gz what stages keep with the recording (baseline runs, noise rules, heatmap, shard map)
 *     lock                      while someone writes
 *     .replaced/                the recording that was there before, until the new one holds something
 */
export const names = {
  manifest: 'manifest.json', lock: 'lock', segments: 'segments', payloads: 'payloads', artefacts: 'artefacts', replaced: '.replaced',
} as const;

/** A segment is closed once it is larger than this. */
export const segmentBytes: number = 8 * 1024 * 1024;

/** A pack is closed once it is larger than this. */
export const packBytes: number = 64 * 1024 * 1024;

/** `000001.jsonl` and so on. */
export function numbered(number: number, extension: string): string {
  return `${String(number).padStart(6, '0')}.${extension}`;
}

/** The numbers of the files `<digits>.<extension>` of a folder, ascending; none where there is no folder. */
export async function numbersOf(folder: string, extension: string): Promise<number[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const pattern = new RegExp(`^(\\d{6,9})\\.${extension}$`);
  return entries.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

/** Writes a file so that a reader, or a crash, finds the old content or the new, never a part: temporary file, sync, rename. */
export async function writeAtomically(folder: string, name: string, content: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${name}.${process.pid}.${Math.random().toString(36).slice(2)}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      if (content instanceof Uint8Array) await handle.writeFile(content);
      else for await (const chunk of content) await handle.appendFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
