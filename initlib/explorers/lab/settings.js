// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows settings: the link that holds them, and the nearest allowed ones to what a link says.

function nearest(values, wanted) {
  const inside = Math.min(Math.max(wanted, values[0]), values.at(-1));
  return values.reduce((best, value) => (Math.abs(value - inside) < Math.abs(best - inside) ? value : best));
}

// Both arms' settings and the shared ones, from a link's fragment; what had to be changed is told in `notes`.
function fromFragment(fragment, controls, start) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const notes = [];
  const known = new Set(["lab", ...controls.map(({ name }) => name)]);
  for (const name of given.keys()) if (!known.has(name)) notes.push(`${name} is not a setting`);
  const state = structuredClone({ arms: start.arms, shared: start.shared });
  for (const { name, values, names, shared } of controls) {
    if (!given.has(name)) continue;
    const texts = given.get(name).split(",");
    const read = (text, fallback) => {
      const value = names ? text : Number(text);
      if (values.includes(value)) return value;
      const found = names || text.trim() === "" || Number.isNaN(value) ? fallback : nearest(values, value);
      notes.push(`${name} ${text.slice(0, 20) || "(nothing)"} became ${found}`);
      return found;
    };
    if (shared) state.shared[name] = read(texts[0], state.shared[name]);
    else state.arms.forEach((arm, i) => (arm[name] = read(texts[i] ?? texts[0], arm[name])));
  }
  return { state, notes: [...new Set(notes)] };
}

function toFragment(name, { arms: [a, b], shared }) {
  const pairs = [["lab", name], ...Object.entries(shared)];
  for (const key of Object.keys(a)) pairs.push([key, a[key] === b[key] ? a[key] : `${a[key]},${b[key]}`]);
  return `#${pairs.map(([key, value]) => `${key}=${value}`).join("&")}`;
}

// Settings that do nothing beside the others: they are not shown.
const idle = (name, { init, bias }) =>
  (name === "size" && !["normal", "constant"].includes(init)) ||
  (name === "biasSize" && !["constant", "random"].includes(bias));

// What is trained for these settings. An activation without a critical point falls back to He, which is told.
function effective(settings, rules) {
  const none = settings.init === "critical" && rules.critical[settings.activation] === null;
  return none ? { ...settings, init: "he" } : settings;
}
