// The product of two matrices, four numbers at a time: AssemblyScript, built to kernel.wasm by `npm ci && npm run build`.
// Matrices lie in one memory, shared with JavaScript, in rows that are padded to a multiple of 8 numbers.

// c = a b: entry (i, k) of a lies `down * i + along * k` bytes behind `a`, so a may be read transposed. Rows of b and c
// have `columns` numbers, a multiple of 8; `rows` is a multiple of 4.
export function multiply(
  c: usize,
  a: usize,
  b: usize,
  rows: i32,
  inner: i32,
  columns: i32,
  down: usize,
  along: usize,
): void {
  const row = <usize>columns << 2;
  for (let i = 0; i < rows; i += 4) {
    const a0 = a + down * <usize>i;
    const c0 = c + row * <usize>i;
    for (let j: usize = 0; j < row; j += 32) {
      let s00 = f32x4.splat(0), s01 = f32x4.splat(0);
      let s10 = f32x4.splat(0), s11 = f32x4.splat(0);
      let s20 = f32x4.splat(0), s21 = f32x4.splat(0);
      let s30 = f32x4.splat(0), s31 = f32x4.splat(0);
      let p = a0;
      let q = b + j;
      for (let k = 0; k < inner; k++) {
        const b0 = v128.load(q);
        const b1 = v128.load(q, 16);
        let x = v128.load32_splat(p);
        s00 = f32x4.add(s00, f32x4.mul(x, b0));
        s01 = f32x4.add(s01, f32x4.mul(x, b1));
        x = v128.load32_splat(p + down);
        s10 = f32x4.add(s10, f32x4.mul(x, b0));
        s11 = f32x4.add(s11, f32x4.mul(x, b1));
        x = v128.load32_splat(p + 2 * down);
        s20 = f32x4.add(s20, f32x4.mul(x, b0));
        s21 = f32x4.add(s21, f32x4.mul(x, b1));
        x = v128.load32_splat(p + 3 * down);
        s30 = f32x4.add(s30, f32x4.mul(x, b0));
        s31 = f32x4.add(s31, f32x4.mul(x, b1));
        p += along;
        q += row;
      }
      let to = c0 + j;
      v128.store(to, s00);
      v128.store(to, s01, 16);
      to += row;
      v128.store(to, s10);
      v128.store(to, s11, 16);
      to += row;
      v128.store(to, s20);
      v128.store(to, s21, 16);
      to += row;
      v128.store(to, s30);
      v128.store(to, s31, 16);
    }
  }
}
