// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one module: what is unused here is used in another
// The setting in the page's address, as "#signal?activation=gelu&depth=64". Without "?" it is an anchor of the page.

const SAME = 0.01; // a number in a link is told with three digits

// A site's page, whose address is ours; a notebook's is not.
const onSite = (el) => el.closest(".widget-subarea") !== null;

// The explorer's name in links: the second of a name on one page is "name-2".
function nameOf(el, { name }) {
  const alike = [...document.querySelectorAll(`.initlib-explorer-drawing[data-name="${name}"]`)];
  const place = alike.indexOf(el);
  return place > 0 ? `${name}-${place + 1}` : name;
}

function linkTo(name, { controls, axes }, at) {
  const free = controls.filter(({ axis }) => axes[axis].values.length > 1);
  return `#${name}?${new URLSearchParams(
    free.map(({ axis }) => [axis, round3(axes[axis].values[at[axis]])]),
  )}`;
}

// The place of the number nearest to `value`, or of the name; -1 if there is none.
function nearest({ values, log }, value) {
  if (typeof values[0] === "string") return values.indexOf(value);
  const far = values.map((node) => Math.abs(log ? Math.log(node / value) : node - value));
  return far.indexOf(Math.min(...far));
}

// Where the controls stand by the query of a link, and what it asks for that is not here.
function settingOf(query, { controls, axes, start }) {
  const [at, notes] = [{ ...start }, []];
  for (const [axis, wanted] of new URLSearchParams(query)) {
    if (!controls.some((control) => control.axis === axis)) {
      notes.push(`there is no control “${axis}”`);
      continue;
    }
    const { values, label, log } = axes[axis];
    const value = typeof values[0] === "string" ? wanted : parseFloat(wanted);
    const found = nearest({ values, log }, value);
    if (found >= 0) at[axis] = found;
    const here = values[at[axis]];
    if (found < 0) notes.push(`${label} “${wanted}” is not here, ${round3(here)} stands instead`);
    else if (Math.abs(here - value) > SAME * Math.abs(value)) {
      notes.push(`${label} ${wanted} is not here, the nearest is ${round3(here)}`);
    }
  }
  return { at, note: notes.length ? `In this link, ${notes.join("; ")}.` : "" };
}

// Calls `move` with a setting when the address names this explorer: now, and whenever it changes.
// Who goes back to before the first link finds the explorer as it was at first.
function followAddress(el, spec, move) {
  const queryIn = (address) => {
    const [name, query] = new URL(address).hash.slice(1).split("?");
    return name === nameOf(el, spec) ? query : undefined;
  };
  const follow = (event) => {
    const query = queryIn(location.href);
    if (query !== undefined) move(settingOf(query, spec));
    else if (event && !location.hash && queryIn(event.oldURL) !== undefined) {
      move({ at: spec.start, note: "" });
    }
  };
  addEventListener("hashchange", follow);
  follow();
  return () => removeEventListener("hashchange", follow);
}

const writeAddress = (el, spec, at) =>
  history.replaceState(history.state, "", linkTo(nameOf(el, spec), spec, at));
