import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** The bytes of a module of augurs, for its `initSync`: in Node.js it cannot fetch them itself. */
export function augursModule(name: 'mstl' | 'prophet'): { readonly module: NonSharedBuffer } {
  return { module: readFileSync(require.resolve(`@bsull/augurs/${name}`).replace(/\.js$/, '_bg.wasm')) };
}
