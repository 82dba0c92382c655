// Compiles wasm/lstm.ts (AssemblyScript) into src/predict/lstm/kernel-bytes.ts: node scripts/build-wasm.mjs. A test checks that it is up to date.
import { readFile, writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';

const source = new URL('../wasm/lstm.ts', import.meta.url);
const target = new URL('../src/predict/lstm/kernel-bytes.ts', import.meta.url);

/** The text of kernel-bytes.ts as the source says today. */
export async function kernelBytesFile() {
  const text = await readFile(source, 'utf8');
  let binary;
  const { error, stderr } = await compile(['lstm.ts', '--outFile', 'lstm.wasm', '-O3', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory'], {
    readFile: (name) => (name === 'lstm.ts' ? text : null),
    writeFile: (name, content) => {
      if (name.endsWith('.wasm')) binary = content;
    },
    listFiles: () => [],
  });
  if (error !== null || binary === undefined) throw new Error(`${error?.message ?? 'nothing was compiled'}\n${stderr.toString()}`);
  const lines = Buffer.from(binary).toString('base64').match(/.{1,150}/g) ?? [];
  return `/* Made from wasm/lstm.ts by scripts/build-wasm.mjs. Do not edit. */

/** The kernels of the LSTM: ${binary.length} bytes of WebAssembly. */
export function kernelBytes(): Uint8Array {
  return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
}

const base64 = [
${lines.map((line) => `  '${line}',`).join('\n')}
].join('');
`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(target, await kernelBytesFile());
