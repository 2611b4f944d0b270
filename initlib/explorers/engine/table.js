// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one module: what is unused here is used in another
// Reads the table: `spec.arrays` says what its bytes hold.

const MISSING = -32768; // NaN: a net that diverged
const ZERO = -32767; // an exact 0 on a logarithmic scale

async function inflate(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// High bytes, then low bytes, of zigzag-coded differences.
function decode(planes) {
  const count = planes.length / 2;
  const codes = new Int16Array(count);
  for (let i = 0, last = 0; i < count; i++) {
    const zigzag = (planes[i] << 8) | planes[count + i];
    codes[i] = last + ((zigzag >>> 1) ^ -(zigzag & 1));
    last = codes[i];
  }
  return codes;
}

async function readTable(spec, bytes) {
  const codes = decode(await inflate(bytes));
  let start = 0;
  const arrays = spec.arrays.map(({ name, dims, log, scale }) => {
    const lengths = dims.map((dim) => spec.axes[dim].values.length);
    const size = (from) => lengths.slice(from).reduce((a, b) => a * b, 1);
    const strides = lengths.map((_, i) => size(i + 1));
    return [name, { dims, strides, log, scale, codes: codes.subarray(start, start += size(0)) }];
  });
  if (start !== codes.length) throw new Error(`${codes.length} numbers came where ${start} were expected`);
  return Object.fromEntries(arrays);
}

// The number at `at` (an index for each axis): NaN where a net diverged.
function read({ dims, strides, log, scale, codes }, at) {
  const code = codes[dims.reduce((sum, dim, i) => sum + at[dim] * strides[i], 0)];
  if (code === MISSING) return NaN;
  if (code === ZERO) return 0;
  const level = scale[0] + scale[1] * code;
  return log ? 10 ** level : level;
}
