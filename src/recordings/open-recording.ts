import { join } from 'node:path';
import type { ContentHash } from '../lib/content-hash.ts';
import { ForeshardError } from '../model/errors.ts';
import type {
  Chain, CompletenessRecord, EndRecord, LossRecord, Recording, RecordingLine, RequestRecord, Revision,
} from '../model/recording.ts';
import type { StateKey } from '../model/state-key.ts';
import { names } from './layout.ts';
import { readManifest } from './manifest.ts';
import { PayloadStore } from './payload-store.ts';
import { readSegments } from './segment-reader.ts';

/** A recording opened from its folder. */
export interface OpenedRecording extends Recording {
  readonly folder: string;
  /** Many payloads in as few reads as their places allow. Do not change the bytes: they are shared. */
  payloads(hashes: readonly ContentHash[]): Promise<ReadonlyMap<ContentHash, Uint8Array>>;
  /** Closes files. Not needed: they are closed when unused for two seconds, and opened again when needed. */
  close(): Promise<void>;
}

/**
 * Opens a recording. A recorder that was killed leaves one that is whole up to a last line that is not: `ended` is false then.
 * @throws ForeshardError `recording_not_found`, `recording_newer`, `recording_damaged` (with file and line)
 */
export async function openRecording(folder: string): Promise<OpenedRecording> {
  try {
    return await readFolder(folder);
  } catch (error) {
    if (error instanceof ForeshardError || (error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new ForeshardError('recording_damaged', `The recording in ${folder} cannot be read: ${(error as Error).message}.`, {
      hint: 'Look at the rights of that folder and of what is in it.', cause: error,
    });
  }
}

async function readFolder(folder: string): Promise<OpenedRecording> {
  const manifest = await readManifest(folder);
  const lines = new Collected();
  for await (const line of readSegments(join(folder, names.segments))) lines.add(line);
  const { end, requests } = lines;
  if (end !== undefined && end.requests !== requests.length) {
    throw new ForeshardError('recording_damaged', `${folder} ends after ${end.requests} requests by its last line, but holds ${requests.length}.`);
  }
  const store = await PayloadStore.open(join(folder, names.payloads));
  return {
    folder, manifest, requests: requests.sort((a, b) => a.position - b.position), chains: lines.chains(),
    completeness: lines.completeness, losses: lines.losses, ended: end !== undefined,
    payload: (hash) => store.read(hash),
    payloads: (hashes) => store.readMany(hashes),
    close: () => store.close(),
  };
}

/** The lines of a recording, sorted by what they are. */
class Collected {
  readonly requests: RequestRecord[] = [];
  readonly completeness: CompletenessRecord[] = [];
  readonly losses: LossRecord[] = [];
  readonly #revisions = new Map<StateKey, Revision[]>();
  end: EndRecord | undefined;

  add(line: RecordingLine): void {
    switch (line.kind) {
      case 'request': this.requests.push(line); break;
      case 'revision': this.#revision(line); break;
      case 'complete': this.completeness.push(line); break;
      case 'loss': this.losses.push(line); break;
      case 'end': this.end = line; break;
    }
  }

  chains(): Map<StateKey, Chain> {
    const chains = new Map<StateKey, Chain>();
    for (const [key, revisions] of this.#revisions) {
      chains.set(key, { key, revisions: revisions.sort((a, b) => a.position - b.position || a.revision - b.revision) });
    }
    return chains;
  }

  #revision(line: Revision): void {
    const revisions = this.#revisions.get(line.key);
    if (revisions === undefined) this.#revisions.set(line.key, [line]);
    else revisions.push(line);
  }
}
