/*
 * The arithmetic under the LSTM, on 32-bit floats in one memory addressed by their index. Two implementations do the same: this file says
 * what, in plain TypeScript, and is the fallback and the oracle of the tests; wasm/lstm.ts does it four numbers at a time.
 */

/** Kernels over one memory. Offsets are indexes of floats, multiples of 4. Matrices are row by row. */
export interface LstmKernel {
  /** The memory; taken anew after {@link reserve}. */
  readonly memory: Float32Array;
  /** Makes room for so many floats, zeroed, and returns the offset of the first. */
  reserve(count: number): number;
  /** c[m×n] += a[m×k] · b[k×n] */
  gemm(a: number, b: number, c: number, m: number, k: number, n: number): void;
  /** c[m×n] += aᵀ · b for a[k×m], b[k×n] */
  gemmTN(a: number, b: number, c: number, k: number, m: number, n: number): void;
  /** to[columns×rows] = from[rows×columns]ᵀ */
  transpose(from: number, to: number, rows: number, columns: number): void;
  /** Adds b[n] to each row of c[m×n]. */
  addRow(c: number, b: number, m: number, n: number): void;
  /** sum[n] += every row of a[m×n] */
  sumRows(a: number, sum: number, m: number, n: number): void;
  /**
   * One step of the cell for a batch. gates[batch×4·size] hold the sums of input, forget, candidate and output and become their
   * activations; after = f · before + i · g, hidden = o · tanh(after), each [batch×size]. size: a multiple of 4.
   */
  lstmCell(gates: number, before: number, after: number, hidden: number, batch: number, size: number): void;
  /** Backwards: gates become the gradients of their sums; dCell, the gradient of after, becomes that of before. */
  lstmCellBack(gates: number, before: number, after: number, dHidden: number, dCell: number, batch: number, size: number): void;
  fill(to: number, count: number, value: number): void;
  sumSquares(from: number, count: number): number;
  /** One step of Adam (Kingma & Ba 2015) with decoupled weight decay (Loshchilov & Hutter 2019) on count weights. */
  adam(weights: number, gradient: number, first: number, second: number, count: number, step: AdamStep): void;
}

/** What one step of Adam takes beside the arrays. */
export interface AdamStep {
  /** The learning rate, with the bias of the averages corrected. */
  readonly rate: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Share of each weight that is taken off. */
  readonly decay: number;
  /** Applied to the gradient first. */
  readonly scale: number;
}

/** Rounds a number of floats up so that what comes after it is aligned. */
export function aligned(count: number): number {
  return Math.ceil(count / 4) * 4;
}

/** {@link LstmKernel} in plain TypeScript. */
export class ReferenceKernel implements LstmKernel {
  memory: Float32Array = new Float32Array(1 << 16);
  #used = 0;

  reserve(count: number): number {
    const offset = this.#used;
    this.#used += aligned(count);
    if (this.#used > this.memory.length) {
      const grown = new Float32Array(Math.max(this.#used, this.memory.length * 2));
      grown.set(this.memory);
      this.memory = grown;
    }
    return offset;
  }

  gemm(a: number, b: number, c: number, m: number, k: number, n: number): void {
    const x = this.memory;
    for (let i = 0; i < m; i++) {
      for (let l = 0; l < k; l++) {
        const value = x[a + i * k + l] as number;
        if (value === 0) continue;
        for (let j = 0, from = b + l * n, to = c + i * n; j < n; j++) x[to + j] = (x[to + j] as number) + value * (x[from + j] as number);
      }
    }
  }

  gemmTN(a: number, b: number, c: number, k: number, m: number, n: number): void {
    const x = this.memory;
    for (let l = 0; l < k; l++) {
      for (let i = 0; i < m; i++) {
        const value = x[a + l * m + i] as number;
        for (let j = 0, from = b + l * n, to = c + i * n; j < n; j++) x[to + j] = (x[to + j] as number) + value * (x[from + j] as number);
      }
    }
  }

  transpose(from: number, to: number, rows: number, columns: number): void {
    const x = this.memory;
    for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) x[to + j * rows + i] = x[from + i * columns + j] as number;
  }

  addRow(c: number, b: number, m: number, n: number): void {
    const x = this.memory;
    for (let i = 0; i < m; i++) for (let j = 0, at = c + i * n; j < n; j++) x[at + j] = (x[at + j] as number) + (x[b + j] as number);
  }

  sumRows(a: number, sum: number, m: number, n: number): void {
    const x = this.memory;
    for (let i = 0; i < m; i++) for (let j = 0, at = a + i * n; j < n; j++) x[sum + j] = (x[sum + j] as number) + (x[at + j] as number);
  }

  lstmCell(gates: number, before: number, after: number, hidden: number, batch: number, size: number): void {
    const x = this.memory;
    for (let row = 0; row < batch; row++) {
      const at = row * size;
      const gate = gates + row * 4 * size;
      for (let j = 0; j < size; j++) {
        const i = (x[gate + j] = sigmoid(x[gate + j] as number));
        const f = (x[gate + size + j] = sigmoid(x[gate + size + j] as number));
        const g = (x[gate + 2 * size + j] = Math.tanh(x[gate + 2 * size + j] as number));
        const o = (x[gate + 3 * size + j] = sigmoid(x[gate + 3 * size + j] as number));
        const state = (x[after + at + j] = f * (x[before + at + j] as number) + i * g);
        x[hidden + at + j] = o * Math.tanh(state);
      }
    }
  }

  lstmCellBack(gates: number, before: number, after: number, dHidden: number, dCell: number, batch: number, size: number): void {
    const x = this.memory;
    for (let row = 0; row < batch; row++) {
      const at = row * size;
      const gate = gates + row * 4 * size;
      for (let j = 0; j < size; j++) {
        const [i, f, g, o] = [x[gate + j] as number, x[gate + size + j] as number, x[gate + 2 * size + j] as number, x[gate + 3 * size + j] as number];
        const dh = x[dHidden + at + j] as number;
        const squashed = Math.tanh(x[after + at + j] as number);
        const dc = (x[dCell + at + j] as number) + dh * o * (1 - squashed * squashed);
        x[gate + j] = dc * g * i * (1 - i);
        x[gate + size + j] = dc * (x[before + at + j] as number) * f * (1 - f);
        x[gate + 2 * size + j] = dc * i * (1 - g * g);
        x[gate + 3 * size + j] = dh * squashed * o * (1 - o);
        x[dCell + at + j] = dc * f;
      }
    }
  }

  fill(to: number, count: number, value: number): void {
    this.memory.fill(value, to, to + count);
  }

  sumSquares(from: number, count: number): number {
    let sum = 0;
    for (let i = from; i < from + count; i++) sum += (this.memory[i] as number) ** 2;
    return sum;
  }

  adam(weights: number, gradient: number, first: number, second: number, count: number, step: AdamStep): void {
    const x = this.memory;
    for (let i = 0; i < count; i++) {
      const g = (x[gradient + i] as number) * step.scale;
      const m = (x[first + i] = step.beta1 * (x[first + i] as number) + (1 - step.beta1) * g);
      const v = (x[second + i] = step.beta2 * (x[second + i] as number) + (1 - step.beta2) * g * g);
      const w = x[weights + i] as number;
      x[weights + i] = w - step.rate * (m / (Math.sqrt(v) + 1e-8)) - step.decay * w;
    }
  }
}

function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-Math.max(-80, Math.min(80, x))));
}
