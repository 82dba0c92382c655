/*
 * A recurrent network with one LSTM layer (Hochreiter & Schmidhuber 1997, with a forget gate: Gers et al. 2000) and a linear output on
 * [last hidden state; skip features; 1]: what is known to matter, such as the value a day before, goes straight to the output. Trained by
 * backpropagation through time with Adam; gradients are clipped by their norm. Which loss, is the caller's: it turns outputs into their gradients.
 */
import type { Prng } from '../../lib/prng.ts';
import { aligned, type LstmKernel } from './kernel.ts';

/** Sizes of a network. */
export interface NetworkShape {
  /** Values a step. */
  readonly inputs: number;
  /** Size of the hidden state; a multiple of 4. */
  readonly hidden: number;
  readonly steps: number;
  /** Features that go straight to the output. */
  readonly skips: number;
  readonly outputs: number;
  /** Rows of a batch at most. */
  readonly batch: number;
}

/** How weights are changed. */
export interface TrainingStep {
  readonly rate: number;
  /** Share of the weights that a whole unit of rate takes off. */
  readonly weightDecay: number;
  /** Largest norm of the gradient. */
  readonly clip: number;
}

/** Turns the outputs of the rows in a batch into the gradient of the loss by them, in place; returns the loss. */
export type Loss = (outputs: Float32Array, rows: number) => number;

const [beta1, beta2] = [0.9, 0.999];

/** The network with its weights and the room for one batch. Fill {@link inputs} and {@link skips}, then train or predict. */
export class LstmNetwork {
  readonly shape: NetworkShape;
  readonly #kernel: LstmKernel;
  readonly #at: Readonly<Record<'w' | 'u' | 'b' | 'v' | 'gradient' | 'first' | 'second' | 'x' | 'gates' | 'h' | 'c' | 'z' | 'out' | 'dh' | 'dc' | 'dz' | 'transposedU' | 'transposedV', number>>;
  readonly #weights: number;
  #steps = 0;

  constructor(kernel: LstmKernel, shape: NetworkShape, prng: Prng) {
    this.#kernel = kernel;
    this.shape = shape;
    const { inputs, hidden, steps, skips, outputs, batch } = shape;
    const head = hidden + skips + 1;
    const sizes = [inputs * 4 * hidden, hidden * 4 * hidden, 4 * hidden, head * outputs].map(aligned);
    this.#weights = sizes.reduce((sum, size) => sum + size, 0);
    const weights = kernel.reserve(this.#weights);
    const [w = 0, u = 0, b = 0] = sizes;
    const room = (count: number): number => kernel.reserve(count);
    this.#at = {
      w: weights, u: weights + w, b: weights + w + u, v: weights + w + u + b,
      gradient: room(this.#weights), first: room(this.#weights), second: room(this.#weights),
      x: room(steps * batch * inputs), gates: room(steps * batch * 4 * hidden), h: room((steps + 1) * batch * hidden), c: room((steps + 1) * batch * hidden),
      z: room(batch * head), out: room(batch * outputs), dh: room(batch * hidden), dc: room(batch * hidden), dz: room(batch * head),
      transposedU: room(hidden * 4 * hidden), transposedV: room(head * outputs),
    };
    this.#initialise(prng);
  }

  /** Weights Gauss/√fan-in, those of the output a third of that, the forget gate's bias 1. */
  #initialise(prng: Prng): void {
    const { inputs, hidden, outputs, skips } = this.shape;
    const { memory } = this.#kernel;
    const gauss = (from: number, count: number, scale: number): void => {
      for (let i = 0; i < count; i++) memory[from + i] = scale * normal(prng);
    };
    gauss(this.#at.w, inputs * 4 * hidden, 1 / Math.sqrt(inputs));
    gauss(this.#at.u, hidden * 4 * hidden, 1 / Math.sqrt(hidden));
    this.#kernel.fill(this.#at.b + hidden, hidden, 1);
    gauss(this.#at.v, (hidden + skips) * outputs, 0.3 / Math.sqrt(hidden + skips));
  }

  /** Inputs of the batch: [steps][rows][inputs], for as many rows as are then trained or predicted. */
  inputs(rows: number): Float32Array {
    return this.#view(this.#at.x, this.shape.steps * rows * this.shape.inputs);
  }

  /** Writes the skip features of a row of the batch. */
  setSkips(row: number, features: ArrayLike<number>): void {
    const { hidden, skips } = this.shape;
    const { memory } = this.#kernel;
    const at = this.#at.z + row * (hidden + skips + 1) + hidden;
    for (let i = 0; i < skips; i++) memory[at + i] = features[i] as number;
    memory[at + skips] = 1;
  }

  /** All weights, for keeping and putting back. */
  get weights(): Float32Array {
    return this.#view(this.#at.w, this.#weights);
  }

  /** Outputs [rows][outputs] for what the batch holds; gone with the next call. */
  predict(rows: number): Float32Array {
    this.#forward(rows);
    return this.#view(this.#at.out, rows * this.shape.outputs);
  }

  /** One step of training on what the batch holds; returns the loss before it. */
  train(rows: number, loss: Loss, step: TrainingStep): number {
    const value = this.gradient(rows, loss);
    const norm = Math.sqrt(this.#kernel.sumSquares(this.#at.gradient, this.#weights));
    if (!Number.isFinite(norm)) return value;
    this.#steps++;
    const rate = step.rate * Math.sqrt(1 - beta2 ** this.#steps) / (1 - beta1 ** this.#steps);
    this.#kernel.adam(this.#at.w, this.#at.gradient, this.#at.first, this.#at.second, this.#weights, {
      rate, beta1, beta2, decay: step.rate * step.weightDecay, scale: norm > step.clip ? step.clip / norm : 1,
    });
    return value;
  }

  /** Computes the gradient of the loss by the weights without changing them; see {@link lastGradient}. Returns the loss. */
  gradient(rows: number, loss: Loss): number {
    this.#forward(rows);
    const value = loss(this.#view(this.#at.out, rows * this.shape.outputs), rows);
    this.#backward(rows);
    return value;
  }

  /** What {@link gradient} found, in the order of {@link weights}. */
  get lastGradient(): Float32Array {
    return this.#view(this.#at.gradient, this.#weights);
  }

  #forward(rows: number): void {
    const { inputs, hidden, steps, skips, outputs } = this.shape;
    const { memory } = this.#kernel;
    const kernel = this.#kernel;
    const at = this.#at;
    const block = rows * hidden;
    kernel.fill(at.h, block, 0);
    kernel.fill(at.c, block, 0);
    kernel.fill(at.gates, steps * block * 4, 0);
    kernel.gemm(at.x, at.w, at.gates, steps * rows, inputs, 4 * hidden);
    kernel.addRow(at.gates, at.b, steps * rows, 4 * hidden);
    for (let t = 0; t < steps; t++) {
      const gates = at.gates + t * block * 4;
      if (t > 0) kernel.gemm(at.h + t * block, at.u, gates, rows, hidden, 4 * hidden);
      kernel.lstmCell(gates, at.c + t * block, at.c + (t + 1) * block, at.h + (t + 1) * block, rows, hidden);
    }
    const head = hidden + skips + 1;
    for (let row = 0; row < rows; row++) {
      const from = at.h + steps * block + row * hidden;
      memory.copyWithin(at.z + row * head, from, from + hidden);
    }
    kernel.fill(at.out, rows * outputs, 0);
    kernel.gemm(at.z, at.v, at.out, rows, head, outputs);
  }

  #backward(rows: number): void {
    const { inputs, hidden, steps, skips, outputs } = this.shape;
    const { memory } = this.#kernel;
    const kernel = this.#kernel;
    const at = this.#at;
    const block = rows * hidden;
    const head = hidden + skips + 1;
    const into = (name: 'w' | 'u' | 'b' | 'v'): number => at.gradient + at[name] - at.w;
    kernel.fill(at.gradient, this.#weights, 0);
    kernel.gemmTN(at.z, at.out, into('v'), rows, head, outputs);
    kernel.transpose(at.v, at.transposedV, head, outputs);
    kernel.fill(at.dz, rows * head, 0);
    kernel.gemm(at.out, at.transposedV, at.dz, rows, outputs, head);
    for (let row = 0; row < rows; row++) memory.copyWithin(at.dh + row * hidden, at.dz + row * head, at.dz + row * head + hidden);
    kernel.transpose(at.u, at.transposedU, hidden, 4 * hidden);
    kernel.fill(at.dc, block, 0);
    for (let t = steps - 1; t >= 0; t--) {
      const gates = at.gates + t * block * 4;
      kernel.lstmCellBack(gates, at.c + t * block, at.c + (t + 1) * block, at.dh, at.dc, rows, hidden);
      kernel.gemmTN(at.x + t * rows * inputs, gates, into('w'), rows, inputs, 4 * hidden);
      kernel.sumRows(gates, into('b'), rows, 4 * hidden);
      if (t === 0) break;
      kernel.gemmTN(at.h + t * block, gates, into('u'), rows, hidden, 4 * hidden);
      kernel.fill(at.dh, block, 0);
      kernel.gemm(gates, at.transposedU, at.dh, rows, 4 * hidden, hidden);
    }
  }

  #view(from: number, count: number): Float32Array {
    return this.#kernel.memory.subarray(from, from + count);
  }
}

/** A normally distributed number (Box & Muller 1958). */
function normal(prng: Prng): number {
  return Math.sqrt(-2 * Math.log(1 - prng.next())) * Math.cos(2 * Math.PI * prng.next());
}
