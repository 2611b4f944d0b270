// deno-lint-ignore-file no-unused-vars -- the scripts are joined to one module: what is unused here is used in another
// The controls, which are ipywidgets beside the drawing: their names, marks, and the buttons Play, Reset, Copy link.

const PACE = 500; // ms between two steps of Play
const still = matchMedia("(prefers-reduced-motion: reduce)");

const controlsOf = (el) => el.closest(".initlib-explorer")?.querySelector(".initlib-explorer-controls");

const button = (action, words) => `<button type="button" data-action="${action}">${words}</button>`;

const marksHtml = ({ axis, marks }, label) =>
  `<div class="marks" role="group" aria-label="${spoken(label)}: marks">${
    marks.map(([words, index]) =>
      `<button type="button" data-axis="${axis}" data-index="${index}">${escape(words)}</button>`
    ).join("")
  }</div>`;

const playWords = ({ axes, play }, playing) =>
  playing ? "Pause" : typeset(`${still.matches ? "Step" : "Play"} ${axes[play].label}`);

// Once: the symbols of the labels, the marks, the buttons.
function completeControls(el, spec) {
  const box = controlsOf(el);
  if (!box || box.querySelector(".actions")) return;
  spec.controls.forEach((control, i) => {
    const { label } = spec.axes[control.axis];
    box.children[i].querySelectorAll(".widget-label").forEach((e) => (e.innerHTML = typeset(label)));
    const track = box.children[i].querySelector(".noUi-base");
    if (!track || !control.marks.length) return;
    box.children[i].insertAdjacentHTML("beforeend", marksHtml(control, label));
    track.insertAdjacentHTML(
      "beforeend",
      `<svg class="ticks" aria-hidden="true">${
        control.marks.map(([, , left]) => `<line x1="${left}%" x2="${left}%" y2="100%"/>`).join("")
      }</svg>`,
    );
  });
  const actions = [
    spec.play && button("play", playWords(spec, false)),
    button("reset", "Reset"),
    onSite(el) && navigator.clipboard && button("link", "Copy link"),
  ];
  box.insertAdjacentHTML("beforeend", `<div class="actions">${actions.filter(Boolean).join("")}</div>`);
}

// ipywidgets gives sliders and groups of buttons no accessible name, and a logarithmic slider its exponent as value.
function finishControls(el, spec, at) {
  completeControls(el, spec);
  const controls = controlsOf(el)?.children ?? [];
  spec.controls.forEach(({ axis, by, names }, i) => {
    const label = spoken(spec.axes[axis].label);
    const name = (selector, attributes) =>
      controls[i]?.querySelectorAll(selector).forEach((e) =>
        Object.entries(attributes(e)).forEach((pair) => e.setAttribute(...pair))
      );
    name('[role="slider"]', () => ({ "aria-label": label, "aria-valuetext": names[at[axis]] }));
    name(".widget-readout", () => (by === "index" ? { contenteditable: false } : {})); // what is typed there goes nowhere
    name("div:has(> .widget-toggle-button)", () => ({ role: "group", "aria-label": label }));
    name(".widget-toggle-button", (one) => ({ "aria-pressed": one.classList.contains("mod-active") }));
    name(".marks button", ({ dataset }) => ({ "aria-pressed": Number(dataset.index) === at[axis] }));
  });
}

// Steps along an axis until its end, from its beginning if it stands there; one step a press where motion is unwanted.
function player(el, spec, move, stopped) {
  let timer = 0;
  const last = spec.play && spec.axes[spec.play].values.length - 1;
  const show =
    () => (controlsOf(el).querySelector('[data-action="play"]').innerHTML = playWords(spec, timer));
  const stop = () => {
    if (!timer) return;
    timer = clearInterval(timer) ?? 0;
    show();
    stopped();
  };
  const step = (at) => {
    move({ [spec.play]: at() < last ? at() + 1 : 0 });
    if (at() === last) stop();
  };
  const press = (at) => {
    if (timer) return stop();
    if (!still.matches) timer = setInterval(step, PACE, at);
    show();
    step(at);
  };
  return { press, stop, playing: () => timer !== 0 };
}

function copied(button, words) {
  const before = button.textContent;
  navigator.clipboard.writeText(words).then(() => {
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = before), 2000);
  });
}
