// The kernels of the LSTM in AssemblyScript: 32-bit floats in one memory, addressed by byte offsets, four at a time.
// Every function does what the one of the same name in src/predict/lstm/kernel.ts does; that file says what.
// Built by scripts/build-wasm.mjs into src/predict/lstm/kernel-bytes.ts.

/** c[m×n] += a[m×k] · b[k×n] */
export function gemm(a: usize, b: usize, c: usize, m: i32, k: i32, n: i32): void {
  const rowBytes: usize = (<usize>n) << 2;
  let i = 0;
  for (; i + 4 <= m; i += 4) {
    const a0 = a + ((<usize>(i * k)) << 2);
    const a1 = a0 + ((<usize>k) << 2);
    const a2 = a1 + ((<usize>k) << 2);
    const a3 = a2 + ((<usize>k) << 2);
    const c0 = c + ((<usize>(i * n)) << 2);
    let j = 0;
    for (; j + 8 <= n; j += 8) {
      const p0 = c0 + ((<usize>j) << 2);
      const p1 = p0 + rowBytes;
      const p2 = p1 + rowBytes;
      const p3 = p2 + rowBytes;
      let s00 = v128.load(p0), s01 = v128.load(p0, 16);
      let s10 = v128.load(p1), s11 = v128.load(p1, 16);
      let s20 = v128.load(p2), s21 = v128.load(p2, 16);
      let s30 = v128.load(p3), s31 = v128.load(p3, 16);
      let row = b + ((<usize>j) << 2);
      for (let l: usize = 0, end = (<usize>k) << 2; l < end; l += 4, row += rowBytes) {
        const b0 = v128.load(row), b1 = v128.load(row, 16);
        let x = v128.load32_splat(a0 + l);
        s00 = f32x4.add(s00, f32x4.mul(x, b0));
        s01 = f32x4.add(s01, f32x4.mul(x, b1));
        x = v128.load32_splat(a1 + l);
        s10 = f32x4.add(s10, f32x4.mul(x, b0));
        s11 = f32x4.add(s11, f32x4.mul(x, b1));
        x = v128.load32_splat(a2 + l);
        s20 = f32x4.add(s20, f32x4.mul(x, b0));
        s21 = f32x4.add(s21, f32x4.mul(x, b1));
        x = v128.load32_splat(a3 + l);
        s30 = f32x4.add(s30, f32x4.mul(x, b0));
        s31 = f32x4.add(s31, f32x4.mul(x, b1));
      }
      v128.store(p0, s00);
      v128.store(p0, s01, 16);
      v128.store(p1, s10);
      v128.store(p1, s11, 16);
      v128.store(p2, s20);
      v128.store(p2, s21, 16);
      v128.store(p3, s30);
      v128.store(p3, s31, 16);
    }
    for (; j < n; j++) for (let r = 0; r < 4; r++) dot(a + ((<usize>((i + r) * k)) << 2), b + ((<usize>j) << 2), c + ((<usize>((i + r) * n + j)) << 2), k, rowBytes);
  }
  for (; i < m; i++) {
    const a0 = a + ((<usize>(i * k)) << 2);
    let j = 0;
    for (; j + 8 <= n; j += 8) {
      const p = c + ((<usize>(i * n + j)) << 2);
      let s0 = v128.load(p), s1 = v128.load(p, 16);
      let row = b + ((<usize>j) << 2);
      for (let l: usize = 0, end = (<usize>k) << 2; l < end; l += 4, row += rowBytes) {
        const x = v128.load32_splat(a0 + l);
        s0 = f32x4.add(s0, f32x4.mul(x, v128.load(row)));
        s1 = f32x4.add(s1, f32x4.mul(x, v128.load(row, 16)));
      }
      v128.store(p, s0);
      v128.store(p, s1, 16);
    }
    for (; j < n; j++) dot(a0, b + ((<usize>j) << 2), c + ((<usize>(i * n + j)) << 2), k, rowBytes);
  }
}

function dot(a: usize, b: usize, c: usize, k: i32, stride: usize): void {
  let sum = load<f32>(c);
  for (let l = 0; l < k; l++) sum += load<f32>(a + ((<usize>l) << 2)) * load<f32>(b + <usize>l * stride);
  store<f32>(c, sum);
}

/** c[m×n] += aᵀ · b for a[k×m], b[k×n] */
export function gemmTN(a: usize, b: usize, c: usize, k: i32, m: i32, n: i32): void {
  const aRow: usize = (<usize>m) << 2;
  const bRow: usize = (<usize>n) << 2;
  let i = 0;
  for (; i + 4 <= m; i += 4) {
    let j = 0;
    for (; j + 8 <= n; j += 8) {
      const p0 = c + ((<usize>(i * n + j)) << 2);
      const p1 = p0 + bRow;
      const p2 = p1 + bRow;
      const p3 = p2 + bRow;
      let s00 = v128.load(p0), s01 = v128.load(p0, 16);
      let s10 = v128.load(p1), s11 = v128.load(p1, 16);
      let s20 = v128.load(p2), s21 = v128.load(p2, 16);
      let s30 = v128.load(p3), s31 = v128.load(p3, 16);
      let left = a + ((<usize>i) << 2);
      let right = b + ((<usize>j) << 2);
      for (let l = 0; l < k; l++, left += aRow, right += bRow) {
        const b0 = v128.load(right), b1 = v128.load(right, 16);
        let x = v128.load32_splat(left);
        s00 = f32x4.add(s00, f32x4.mul(x, b0));
        s01 = f32x4.add(s01, f32x4.mul(x, b1));
        x = v128.load32_splat(left, 4);
        s10 = f32x4.add(s10, f32x4.mul(x, b0));
        s11 = f32x4.add(s11, f32x4.mul(x, b1));
        x = v128.load32_splat(left, 8);
        s20 = f32x4.add(s20, f32x4.mul(x, b0));
        s21 = f32x4.add(s21, f32x4.mul(x, b1));
        x = v128.load32_splat(left, 12);
        s30 = f32x4.add(s30, f32x4.mul(x, b0));
        s31 = f32x4.add(s31, f32x4.mul(x, b1));
      }
      v128.store(p0, s00);
      v128.store(p0, s01, 16);
      v128.store(p1, s10);
      v128.store(p1, s11, 16);
      v128.store(p2, s20);
      v128.store(p2, s21, 16);
      v128.store(p3, s30);
      v128.store(p3, s31, 16);
    }
    for (; j < n; j++) for (let r = 0; r < 4; r++) dotColumns(a + ((<usize>(i + r)) << 2), b + ((<usize>j) << 2), c + ((<usize>((i + r) * n + j)) << 2), k, aRow, bRow);
  }
  for (; i < m; i++) for (let j = 0; j < n; j++) dotColumns(a + ((<usize>i) << 2), b + ((<usize>j) << 2), c + ((<usize>(i * n + j)) << 2), k, aRow, bRow);
}

function dotColumns(a: usize, b: usize, c: usize, k: i32, aRow: usize, bRow: usize): void {
  let sum = load<f32>(c);
  for (let l = 0; l < k; l++) sum += load<f32>(a + <usize>l * aRow) * load<f32>(b + <usize>l * bRow);
  store<f32>(c, sum);
}

export function transpose(from: usize, to: usize, rows: i32, columns: i32): void {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) store<f32>(to + ((<usize>(j * rows + i)) << 2), load<f32>(from + ((<usize>(i * columns + j)) << 2)));
  }
}

/** Adds b[n] to each of m rows. */
export function addRow(c: usize, b: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) {
    const row = c + ((<usize>(i * n)) << 2);
    for (let j = 0; j < n; j++) store<f32>(row + ((<usize>j) << 2), load<f32>(row + ((<usize>j) << 2)) + load<f32>(b + ((<usize>j) << 2)));
  }
}

/** sum[n] += the rows of a[m×n] */
export function sumRows(a: usize, sum: usize, m: i32, n: i32): void {
  for (let i = 0; i < m; i++) {
    const row = a + ((<usize>(i * n)) << 2);
    let j = 0;
    for (; j + 4 <= n; j += 4) {
      const at = (<usize>j) << 2;
      v128.store(sum + at, f32x4.add(v128.load(sum + at), v128.load(row + at)));
    }
    for (; j < n; j++) {
      const at = (<usize>j) << 2;
      store<f32>(sum + at, load<f32>(sum + at) + load<f32>(row + at));
    }
  }
}

/** e^x for four values: 2^n · e^r with |r| ≤ ln 2 / 2, a polynomial of degree 6. */
// @inline
function exp4(x: v128): v128 {
  const bounded = f32x4.max(f32x4.min(x, f32x4.splat(80)), f32x4.splat(-80));
  const n = f32x4.nearest(f32x4.mul(bounded, f32x4.splat(1.44269504)));
  const r = f32x4.sub(f32x4.sub(bounded, f32x4.mul(n, f32x4.splat(0.693359375))), f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = f32x4.splat(1.9875691500e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999507e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519073e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795894e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665459e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001201e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

// @inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

// @inline
function tanh4(x: v128): v128 {
  return f32x4.sub(f32x4.mul(f32x4.splat(2), sigmoid4(f32x4.mul(f32x4.splat(2), x))), f32x4.splat(1));
}

/** One step of the cell for a batch: gates[batch×4H] hold the sums and become i, f, g, o. */
export function lstmCell(gates: usize, before: usize, after: usize, hidden: usize, batch: i32, size: i32): void {
  const block: usize = (<usize>size) << 2;
  for (let row = 0; row < batch; row++) {
    const g = gates + <usize>row * block * 4;
    const at: usize = <usize>row * block;
    for (let j: usize = 0; j < block; j += 16) {
      const i = sigmoid4(v128.load(g + j));
      const f = sigmoid4(v128.load(g + block + j));
      const c = tanh4(v128.load(g + 2 * block + j));
      const o = sigmoid4(v128.load(g + 3 * block + j));
      v128.store(g + j, i);
      v128.store(g + block + j, f);
      v128.store(g + 2 * block + j, c);
      v128.store(g + 3 * block + j, o);
      const state = f32x4.add(f32x4.mul(f, v128.load(before + at + j)), f32x4.mul(i, c));
      v128.store(after + at + j, state);
      v128.store(hidden + at + j, f32x4.mul(o, tanh4(state)));
    }
  }
}

/** Backwards through one step: gates become the gradients of their sums; dCell goes from after to before. */
export function lstmCellBack(gates: usize, before: usize, after: usize, dHidden: usize, dCell: usize, batch: i32, size: i32): void {
  const block: usize = (<usize>size) << 2;
  const one = f32x4.splat(1);
  for (let row = 0; row < batch; row++) {
    const g = gates + <usize>row * block * 4;
    const at: usize = <usize>row * block;
    for (let j: usize = 0; j < block; j += 16) {
      const i = v128.load(g + j);
      const f = v128.load(g + block + j);
      const c = v128.load(g + 2 * block + j);
      const o = v128.load(g + 3 * block + j);
      const dh = v128.load(dHidden + at + j);
      const squashed = tanh4(v128.load(after + at + j));
      const dc = f32x4.add(v128.load(dCell + at + j), f32x4.mul(f32x4.mul(dh, o), f32x4.sub(one, f32x4.mul(squashed, squashed))));
      v128.store(g + j, f32x4.mul(f32x4.mul(dc, c), f32x4.mul(i, f32x4.sub(one, i))));
      v128.store(g + block + j, f32x4.mul(f32x4.mul(dc, v128.load(before + at + j)), f32x4.mul(f, f32x4.sub(one, f))));
      v128.store(g + 2 * block + j, f32x4.mul(f32x4.mul(dc, i), f32x4.sub(one, f32x4.mul(c, c))));
      v128.store(g + 3 * block + j, f32x4.mul(f32x4.mul(dh, squashed), f32x4.mul(o, f32x4.sub(one, o))));
      v128.store(dCell + at + j, f32x4.mul(dc, f));
    }
  }
}

export function fill(to: usize, count: i32, value: f32): void {
  for (let i = 0; i < count; i++) store<f32>(to + ((<usize>i) << 2), value);
}

export function sumSquares(from: usize, count: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < count; i++) {
    const value: f64 = load<f32>(from + ((<usize>i) << 2));
    sum += value * value;
  }
  return sum;
}

/** One step of Adam with decoupled weight decay; `scale` is applied to the gradient first. */
export function adam(weights: usize, gradient: usize, first: usize, second: usize, count: i32, rate: f32, beta1: f32, beta2: f32, decay: f32, scale: f32): void {
  const epsilon: f32 = 1e-8;
  for (let i = 0; i < count; i++) {
    const at = (<usize>i) << 2;
    const g = load<f32>(gradient + at) * scale;
    const m = beta1 * load<f32>(first + at) + (<f32>1 - beta1) * g;
    const v = beta2 * load<f32>(second + at) + (<f32>1 - beta2) * g * g;
    store<f32>(first + at, m);
    store<f32>(second + at, v);
    const w = load<f32>(weights + at);
    store<f32>(weights + at, w - rate * (m / (sqrt<f32>(v) + epsilon)) - decay * w);
  }
}
