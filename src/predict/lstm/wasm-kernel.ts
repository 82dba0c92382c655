import { aligned, ReferenceKernel, type AdamStep, type LstmKernel } from './kernel.ts';
import { kernelBytes } from './kernel-bytes.ts';

/** What this needs of WebAssembly: the language's library does not declare it. */
interface WebAssemblyPort {
  Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer; grow(pages: number): number };
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { readonly exports: unknown };
  validate(bytes: Uint8Array): boolean;
}

type Exports = Readonly<Record<'gemm' | 'gemmTN' | 'transpose' | 'addRow' | 'sumRows' | 'lstmCell' | 'lstmCellBack' | 'fill' | 'adam', (...args: number[]) => void>>
  & { readonly sumSquares: (from: number, count: number) => number };

const pageFloats = 65_536 / 4;

/** {@link LstmKernel} on WebAssembly with 128-bit vectors. */
class WasmKernel implements LstmKernel {
  readonly #memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly #run: Exports;
  memory: Float32Array;
  #used = 4; // offset 0 stays free

  constructor(wasm: WebAssemblyPort, bytes: Uint8Array) {
    this.#memory = new wasm.Memory({ initial: 1 });
    this.#run = new wasm.Instance(new wasm.Module(bytes), { env: { memory: this.#memory } }).exports as Exports;
    this.memory = new Float32Array(this.#memory.buffer);
  }

  reserve(count: number): number {
    const offset = this.#used;
    this.#used += aligned(count);
    const missing = this.#used - this.memory.length;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / pageFloats));
      this.memory = new Float32Array(this.#memory.buffer);
    }
    return offset;
  }

  gemm(a: number, b: number, c: number, m: number, k: number, n: number): void {
    this.#run.gemm(a * 4, b * 4, c * 4, m, k, n);
  }

  gemmTN(a: number, b: number, c: number, k: number, m: number, n: number): void {
    this.#run.gemmTN(a * 4, b * 4, c * 4, k, m, n);
  }

  transpose(from: number, to: number, rows: number, columns: number): void {
    this.#run.transpose(from * 4, to * 4, rows, columns);
  }

  addRow(c: number, b: number, m: number, n: number): void {
    this.#run.addRow(c * 4, b * 4, m, n);
  }

  sumRows(a: number, sum: number, m: number, n: number): void {
    this.#run.sumRows(a * 4, sum * 4, m, n);
  }

  lstmCell(gates: number, before: number, after: number, hidden: number, batch: number, size: number): void {
    this.#run.lstmCell(gates * 4, before * 4, after * 4, hidden * 4, batch, size);
  }

  lstmCellBack(gates: number, before: number, after: number, dHidden: number, dCell: number, batch: number, size: number): void {
    this.#run.lstmCellBack(gates * 4, before * 4, after * 4, dHidden * 4, dCell * 4, batch, size);
  }

  fill(to: number, count: number, value: number): void {
    this.#run.fill(to * 4, count, value);
  }

  sumSquares(from: number, count: number): number {
    return this.#run.sumSquares(from * 4, count);
  }

  adam(weights: number, gradient: number, first: number, second: number, count: number, step: AdamStep): void {
    this.#run.adam(weights * 4, gradient * 4, first * 4, second * 4, count, step.rate, step.beta1, step.beta2, step.decay, step.scale);
  }
}

/** A kernel with a memory of its own: on WebAssembly where there are vectors, else in plain TypeScript. */
export function lstmKernel(): LstmKernel {
  const wasm = (globalThis as { WebAssembly?: WebAssemblyPort }).WebAssembly;
  const bytes = kernelBytes();
  return wasm?.validate(bytes) === true ? new WasmKernel(wasm, bytes) : new ReferenceKernel();
}
