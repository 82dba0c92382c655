import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ForeshardError } from '../model/errors.ts';
import { recordingFormatVersion, type RecordingManifest } from '../model/recording.ts';
import { names, writeAtomically } from './layout.ts';

const text = z.string();
const texts = z.record(text, text);
const endpoint = z.looseObject({ name: text, upstream: text, address: text });

const manifestSchema = z.looseObject({
  kind: z.literal('recording'),
  formatVersion: z.number().int().min(1),
  createdAt: z.number(),
  tool: text,
  service: z.looseObject({
    command: z.array(text), port: z.number().optional(), env: texts, readyPath: text.optional(), readyTimeoutMs: z.number(),
  }),
  redis: z.array(endpoint),
  http: z.array(endpoint),
  servers: texts,
  preload: z.boolean(),
  preloadOff: z.boolean().optional(),
  ownNetwork: z.boolean().optional(),
});

/** Writes the manifest. Passwords in the upstreams' URLs are left out: replay needs none. */
export async function writeManifest(folder: string, manifest: RecordingManifest): Promise<void> {
  const { redis, http } = manifest;
  const safe: RecordingManifest = { ...manifest, redis: redis.map(withoutPassword), http: http.map(withoutPassword) };
  await writeAtomically(folder, names.manifest, Buffer.from(`${JSON.stringify(safe, undefined, 2)}\n`));
}

/**
 * Reads the manifest of a recording's folder.
 * @throws ForeshardError `recording_not_found`, `recording_damaged`, `recording_newer`
 */
export async function readManifest(folder: string): Promise<RecordingManifest> {
  const path = join(folder, names.manifest);
  const raw = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    throw new ForeshardError('recording_not_found', `There is no recording in ${folder} (no ${names.manifest}).`, {
      hint: 'Make one with `foreshard record`, or give the folder of one.', cause: error,
    });
  });
  const content = parsed(path, raw);
  // The version is looked at first: a later release may have changed anything else.
  const version = (content as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > recordingFormatVersion) {
    throw new ForeshardError('recording_newer', `${path} has format ${version}; this release reads up to ${recordingFormatVersion}.`, {
      hint: 'Use the release of Foreshard that recorded it, or a later one.',
    });
  }
  const result = manifestSchema.safeParse(content);
  if (!result.success) throw new ForeshardError('recording_damaged', `${path} is no manifest: ${z.prettifyError(result.error)}`);
  return content as RecordingManifest;
}

function parsed(path: string, raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch (error) {
    throw new ForeshardError('recording_damaged', `${path} is not JSON: ${(error as Error).message}.`, { cause: error });
  }
}

function withoutPassword<T extends { readonly upstream: string }>(endpoint: T): T {
  if (!URL.canParse(endpoint.upstream)) return endpoint;
  const url = new URL(endpoint.upstream);
  if (url.password === '') return endpoint;
  url.password = '';
  return { ...endpoint, upstream: url.toString() };
}
