// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows the page's parts: controls for settings, buttons and the places of the charts, as HTML.

const html = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const unique = () => `lab${Math.random().toString(36).slice(2, 8)}`;
const wordsFor = ({ names, name }, value) =>
  names?.[value] ?? (name === "scale" && value === 1 ? "1" : String(value));

const CHARTS = [
  ["loss", "Loss while training"],
  ["accuracy", "Accuracy on the test set"],
  ["rms", "Signal by layer (rms)"],
  ["gradient", "Gradient by layer (rms)"],
];
const MORE = [
  ["cosine", "Cosine between inputs, by layer"],
  ["dead", "Share of dead units, by layer"],
  ["update", "Last step relative to the weights, by layer"],
];

function controlHtml(control, id, arm) {
  const { name, label, values, names } = control;
  const label2 = arm === undefined ? label : `${label}, arm ${"AB"[arm]}`;
  const attributes = `data-name="${name}" data-arm="${arm ?? ""}" id="${id}" aria-label="${html(label2)}"`;
  if (names) {
    return `<select ${attributes}>${
      values.map((value) => `<option value="${value}">${html(names[value])}</option>`).join("")
    }</select>`;
  }
  return `<input type="range" min="0" max="${
    values.length - 1
  }" step="1" ${attributes}><output for="${id}"></output>`;
}

function settingsHtml(controls, which) {
  const rows = controls.filter(which).map((control) => {
    const key = unique();
    const cells = control.shared
      ? `<div class="cell both">${controlHtml(control, key)}</div>`
      : ARMS.map((arm, i) => `<div class="cell ${arm}">${controlHtml(control, `${key}${arm}`, i)}</div>`)
        .join("");
    return `<div class="row" data-row="${control.name}"><span class="name">${
      html(control.label)
    }</span>${cells}</div>`;
  });
  return rows.join("");
}

const figure = ([key, title]) =>
  `<figure><figcaption>${title}</figcaption><canvas data-chart="${key}" role="img" aria-label="${title}"></canvas></figure>`;
const pair = (key, title) =>
  ARMS.map((arm) =>
    `<figure><figcaption>${title}, <b class="${arm}">${arm.toUpperCase()}</b></figcaption><canvas data-chart="${key}-${arm}" role="img" aria-label="${title}, ${arm}"></canvas></figure>`
  ).join("");

function pageHtml({ controls, presets, compact }) {
  const options = presets.map(({ name, title }) => `<option value="${name}">${html(title)}</option>`).join(
    "",
  );
  const speeds = Object.keys(SPEEDS).map((name) =>
    `<option${name === "normal" ? " selected" : ""}>${name}</option>`
  ).join("");
  return `
<div class="bar">
  <label class="scene">Scene <select class="preset">${options}<option value="" hidden>your own</option></select></label>
  <span class="buttons"><button type="button" class="train">Train</button><button type="button" class="step">One step</button>
  <button type="button" class="restart">Restart</button></span>
  <label>Speed <select class="speed">${speeds}</select></label>
  <label class="switch"><input type="checkbox" class="predict"> Predict first</label>
</div>
<${
    compact
      ? 'details class="settings"><summary>Settings</summary>'
      : 'div class="settings">'
  }<div class="row head"><span class="name"></span><b class="a">A</b><b class="b">B</b></div>
${settingsHtml(controls, ({ main, shared }) => main && !shared)}
<details><summary>More settings</summary><div>${
    settingsHtml(controls, ({ main, shared }) => !main || shared)
  }</div></details></${compact ? "details" : "div"}>
<p class="notes" role="status" hidden></p>
<fieldset class="guess" hidden><legend>Which arm will classify more of the test set after ${ENOUGH} steps?</legend>
${
    ["A", "B", "neither"].map((one) =>
      `<button type="button" data-guess="${one}">${
        one === "neither" ? "Neither, within 2 points" : `Arm ${one}`
      }</button>`
    ).join("")
  }</fieldset>
<p class="story" aria-live="polite"></p>
<div class="results"><div class="charts">${CHARTS.map(figure).join("")}</div>
<p class="key"><span><i class="line a"></i>A</span><span><i class="line b"></i>B</span><span class="quiet">thin: each seed; thick: median; ×: diverged; dashed: theory before training, with its band for 95\u202f% of nets</span></p>
<div class="charts units">${pair("units", "")}</div>
<details class="more"><summary>More by layer</summary><div class="charts">${MORE.map(figure).join("")}</div>
<div class="charts">${pair("histogram", "Pre-activations by layer")}</div></details>
<details class="listing"><summary>The numbers as a table</summary><div class="numbers" tabindex="0" role="region" aria-label="The numbers"></div></details></div>
<div class="bar share"><button type="button" class="link">Copy link</button><button type="button" class="python">Copy as Python</button>
<button type="button" class="torch">Copy as PyTorch</button><span class="copied" role="status"></span></div>`;
}
