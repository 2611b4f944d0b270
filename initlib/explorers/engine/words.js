// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one module: what is unused here is used in another
// How numbers, symbols and settings are written and said; words.py says the same.

const SYMBOL = /([α-ω])_([a-z])/g; // as in "weight scale σ_w"

const superscript = (n) => String(n).replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]).replace("-", "⁻");

const round3 = (value) => {
  if (typeof value === "string" || (Number.isInteger(value) && Math.abs(value) < 1e6)) return String(value);
  if (Number.isNaN(value)) return "diverged";
  const short = Number(value.toPrecision(3));
  const size = Math.abs(short);
  return size >= 1e-4 && size < 1e4 ? String(short) : short.toExponential();
};

const told = (value) =>
  round3(value).replace(/e\+?(-?\d+)$/, (_, power) => `×10${superscript(power)}`).replace(/^-/, "−");

// A number behind what it measures, with its percent sign.
const quantity = (label, value) => {
  const bare = label.replace(/, %$/, "");
  return `${bare} ${told(value)}${bare === label || Number.isNaN(value) ? "" : " %"}`;
};

const spoken = (words) => words.replace(SYMBOL, "$1 $2");

const escape = (words) => String(words).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const typeset = (words) => escape(words).replace(SYMBOL, "$1<sub>$2</sub>");

const settings = ({ controls, axes }, at) =>
  controls.map(({ axis, names }) => `${axes[axis].label} ${names[at[axis]]}`).join(", ");
