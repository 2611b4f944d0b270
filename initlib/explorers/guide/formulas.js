// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one: what is unused here is used in the other
// Texts with formulas in them, ⟦3 * width⟧, filled in as formulas.py does it. No eval: the page's policy refuses it.

const TOKEN = /\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?|[a-z_]\w*|\*\*|[()+\-*/])/gy;

function valueOf(formula, sizes) {
  const tokens = Array.from(formula.matchAll(TOKEN), ([, token]) => token);
  let next = 0;
  const take = (...signs) => (signs.includes(tokens[next]) ? tokens[next++] : undefined);
  const atom = () => {
    const token = tokens[next++];
    if (token === "(" || token === "floor") {
      if (token === "floor") next++;
      const inner = sum();
      next++;
      return token === "floor" ? Math.floor(inner) : inner;
    }
    return token in sizes ? sizes[token] : Number(token);
  };
  const power = () => {
    const base = atom();
    return take("**") ? base ** signed() : base;
  };
  const signed = () => (take("-") ? -signed() : power());
  const product = () => {
    let value = signed();
    for (let sign; (sign = take("*", "/"));) value = sign === "*" ? value * signed() : value / signed();
    return value;
  };
  const sum = () => {
    let value = product();
    for (let sign; (sign = take("+", "-"));) value = sign === "+" ? value + product() : value - product();
    return value;
  };
  return sum();
}

// A number as Python's format :.6g writes it.
function general(value, digits) {
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const bare = (number) => number.includes(".") ? number.replace(/\.?0+$/, "") : number;
  if (power >= -4 && power < digits) return bare(value.toFixed(digits - 1 - power));
  return `${bare(mantissa)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

const fillIn = (text, sizes) =>
  text.replace(/⟦([^|⟧]+)(?:\|(\d))?⟧/g, (_, formula, digits) => {
    const value = valueOf(formula, sizes);
    return typeof value === "string" ? value : general(value, Number(digits ?? 6));
  });
