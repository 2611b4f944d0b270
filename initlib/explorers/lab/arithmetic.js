// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows numbers: matrices in one memory, their product, and functions of the normal law.

// Columns are padded to 8 and rows to 4, so that the product has no edges to treat. Padding columns hold 0.
const pad = (count, to) => Math.ceil(count / to) * to;

// One memory for all matrices of an arm. `kernel` are the bytes of kernel.wasm; where it cannot run (an old browser, a
// strict policy), the product is plain JavaScript.
class Memory {
  constructor(kernel) {
    this.floats = new Float32Array(0);
    this.used = 16;
    try {
      this.store = new WebAssembly.Memory({ initial: 16, maximum: 16384 });
      const { exports } = new WebAssembly.Instance(new WebAssembly.Module(kernel), {
        env: { memory: this.store },
      });
      this.fast = exports.multiply;
    } catch {
      this.store = this.fast = null;
    }
  }

  // Make room for `count` numbers, all 0, and return where they begin. Grow before taking views.
  take(count) {
    const at = this.used;
    this.used += pad(count, 8);
    const bytes = 4 * this.used;
    if (this.store && bytes > this.store.buffer.byteLength) {
      this.store.grow(Math.ceil((bytes - this.store.buffer.byteLength) / 65536) + 64);
    }
    if (this.store) this.floats = new Float32Array(this.store.buffer);
    else if (this.used > this.floats.length) {
      const larger = new Float32Array(2 * this.used);
      larger.set(this.floats);
      this.floats = larger;
    }
    return at;
  }

  // c = a b: entry (i, k) of a is number `down * i + along * k` behind `a`; rows of b and c have `columns` numbers.
  multiply(c, a, b, rows, inner, columns, down, along) {
    const padded = pad(rows, 4);
    if (this.fast) this.fast(4 * c, 4 * a, 4 * b, padded, inner, columns, 4 * down, 4 * along);
    else multiplyPlain(this.floats, c, a, b, padded, inner, columns, down, along);
  }
}

function multiplyPlain(x, c, a, b, rows, inner, columns, down, along) {
  for (let i = 0; i < rows; i += 2) {
    for (let j = 0; j < columns; j += 4) {
      let s00 = 0, s01 = 0, s02 = 0, s03 = 0;
      let s10 = 0, s11 = 0, s12 = 0, s13 = 0;
      let p = a + down * i;
      let q = b + j;
      for (let k = 0; k < inner; k++) {
        const a0 = x[p], a1 = x[p + down];
        const b0 = x[q], b1 = x[q + 1], b2 = x[q + 2], b3 = x[q + 3];
        s00 += a0 * b0, s01 += a0 * b1, s02 += a0 * b2, s03 += a0 * b3;
        s10 += a1 * b0, s11 += a1 * b1, s12 += a1 * b2, s13 += a1 * b3;
        p += along;
        q += columns;
      }
      const top = c + columns * i + j;
      const low = top + columns;
      x[top] = s00, x[top + 1] = s01, x[top + 2] = s02, x[top + 3] = s03;
      x[low] = s10, x[low + 1] = s11, x[low + 2] = s12, x[low + 3] = s13;
    }
  }
}

// y, from `to` on, = x, from `from` on, transposed; in x are `rows` x `columns` numbers.
function transpose(y, to, x, from, rows, columns, toRow, fromRow) {
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) y[to + j * toRow + i] = x[from + i * fromRow + j];
  }
}

function polynomial(coefficients, x) {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i];
  return sum;
}

// The complementary error function, relative error below 1.2e-7 (Press et al., Numerical Recipes, section 6.2).
function erfc(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const inner = 1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 +
                    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))));
  const tail = t * Math.exp(-x * x - 1.26551223 + t * inner);
  return x >= 0 ? tail : 2 - tail;
}

const normalCdf = (x) => 0.5 * erfc(-x * Math.SQRT1_2);
const normalDensity = (x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

const CENTRE = [
  [3.3871327179, 50.434271938, 159.29113202, 59.10937472],
  [1, 17.895169469, 78.757757664, 67.1875636],
];
const SHOULDER = [[1.4234372777, 2.75681539, 1.3067284816, 0.17023821103], [1, 0.7370016425, 0.12021132975]];
const TAIL = [[6.657905115, 3.081226386, 0.42868294337, 0.017337203997], [1, 0.24197894225, 0.012258202635]];
const ratio = ([over, under], x) => polynomial(over, x) / polynomial(under, x);

// The inverse of the normal distribution function, to about 7 digits (Wichura 1988, algorithm AS 241, PPND7).
function normalQuantile(u) {
  const q = u - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(q < 0 ? u : 1 - u));
  return Math.sign(q) * (r <= 5 ? ratio(SHOULDER, r - 1.6) : ratio(TAIL, r - 5));
}
