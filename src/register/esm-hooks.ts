/** Loaded by Node.js into its thread for module hooks: bundles that are ES modules are treated as CommonJS files are. */
import { markBundled } from './bundled.ts';

interface Loaded {
  readonly format?: string | null;
  readonly source?: string | ArrayBuffer | Uint8Array | null;
}

/** The `load` hook of node:module. */
export async function load(url: string, context: unknown, nextLoad: (url: string, context: unknown) => Promise<Loaded>): Promise<Loaded> {
  const loaded = await nextLoad(url, context);
  if (loaded.format !== 'module' || loaded.source === undefined || loaded.source === null) return loaded;
  const text = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
  const marked = markBundled(text);
  return marked === text ? loaded : { ...loaded, source: marked };
}
