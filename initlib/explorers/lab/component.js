// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// The component: settings, buttons and charts around two arms. `spec` says what can be set, and brings rules and data.

const SPEEDS = {
  slow: { steps: 1, pause: 150 },
  normal: { target: 80, most: 20, pause: 30 },
  fast: { target: 160, most: 400, pause: 0 },
};
const REST = 1000; // steps after which training pauses by itself
const ARMS = ["a", "b"];
const CALM = 1000; // ms between two drawings while nets train, for readers who asked for less motion
const calm = matchMedia("(prefers-reduced-motion: reduce)");

class Lab {
  constructor(el, spec) {
    Object.assign(this, {
      el,
      spec,
      controls: spec.controls,
      speed: "normal",
      running: false,
      guess: null,
      run: 0,
      onSite: el.closest(".widget-subarea") !== null, // whose address is ours; a notebook's is not
    });
    el.innerHTML = pageHtml(spec);
    this.find(".link").hidden = !this.onSite;
    this.shared = { kernel: bytesOf(spec.kernel), rules: spec.rules, sets: spec.data };
    this.sets = {};
    this.lanes = ARMS.map(() => new Lane(this.shared));
    this.load(this.read());
    el.addEventListener("input", (event) => this.changed(event.target));
    el.addEventListener("click", (event) => event.target.matches("button") && this.pressed(event.target));
    el.addEventListener("toggle", () => this.redraw(), true);
  }

  find(selector) {
    return this.el.querySelector(selector);
  }

  // What the address says, where it is meant for this lab; else the preset.
  read() {
    const fragment = location.hash;
    const { start, presets } = this.spec;
    const scene = this.onSite ? new URLSearchParams(fragment.slice(1)).get("lab") : null;
    this.name = start.name;
    if (scene === start.name) return fromFragment(fragment, this.controls, start);
    const known = scene === null || presets.some(({ name }) => name === scene);
    return { state: start, notes: known ? [] : [`${scene.slice(0, 20)} is not a scene of the lab`] };
  }

  load({ state, notes }) {
    this.state = structuredClone({ arms: state.arms, shared: state.shared });
    this.tell(notes.length ? `${notes.join("; ")}.` : "");
    this.show();
    this.restart();
  }

  tell(words) {
    const notes = this.find(".notes");
    [notes.textContent, notes.hidden] = [words, !words];
  }

  // Put the settings on the controls, and mark where the arms differ.
  show() {
    const { arms, shared } = this.state;
    for (const control of this.controls) {
      const { name } = control;
      const row = this.find(`[data-row="${name}"]`);
      row.classList.toggle("differs", !control.shared && arms[0][name] !== arms[1][name]);
      row.hidden = !control.shared && arms.every((arm) => idle(name, arm));
      row.querySelectorAll("[data-name]").forEach((input) => {
        const arm = arms[input.dataset.arm || 0];
        const value = control.shared ? shared[name] : arm[name];
        const words = wordsFor(control, value);
        if (control.names) input.value = value;
        else {
          input.value = control.values.indexOf(value);
          input.setAttribute("aria-valuetext", words);
          input.nextElementSibling.value = words;
        }
        input.parentElement.classList.toggle("idle", !control.shared && idle(name, arm));
      });
    }
    const same = (one) => JSON.stringify([one.arms, one.shared]) === JSON.stringify([arms, shared]);
    const preset = this.spec.presets.find(same);
    this.find(".preset").value = preset?.name ?? "";
    this.chapter = preset?.chapter ?? this.chapter ?? this.spec.start.chapter;
  }

  changed(input) {
    if (input.matches(".preset")) {
      const preset = this.spec.presets.find(({ name }) => name === input.value);
      return preset && this.load({ state: preset, notes: [] });
    }
    if (input.matches(".speed")) return (this.speed = input.value);
    if (input.matches(".predict")) return this.restart();
    const control = this.controls.find(({ name }) => name === input.dataset.name);
    if (!control) return;
    const value = control.names ? input.value : control.values[input.value];
    if (control.shared) this.state.shared[control.name] = value;
    else this.state.arms[input.dataset.arm][control.name] = value;
    this.tell("");
    this.show();
    this.restart();
  }

  pressed(button) {
    const act = {
      train: () => (this.running ? this.pause() : this.train()),
      step: () => this.train(1),
      restart: () => this.restart(),
      link: () => this.copyLink(button),
      python: () => this.copy(button, asInitlib(this.effective(), this.spec.rules, this.run_())),
      torch: () => this.copy(button, asTorch(this.effective(), this.spec.rules, this.run_())),
    }[button.className];
    if (act) act();
    else if (button.dataset.guess) this.take(button.dataset.guess);
  }

  // What the page needs of the data: points of the plane, but no pictures, which the workers unpack.
  get data() {
    const { data } = this.state.shared;
    const { inputs, classes, training } = this.spec.data[data];
    const points = () => (inputs === 2 ? unpack(this.spec.data[data]).train : null);
    return (this.sets[data] ??= { inputs, classes, samples: training, train: points() });
  }

  effective() {
    const { arms, shared } = this.state;
    return { arms: arms.map((arm) => effective(arm, this.spec.rules)), shared };
  }

  run_() {
    return { data: this.data, steps: this.reports?.[0].step || REST };
  }

  // Build both arms anew and show them before training. A change while they are being built waits its turn.
  async restart() {
    this.pause();
    this.guess = null;
    this.guessing = this.find(".predict").checked;
    this.find(".guess").hidden = true;
    this.el.classList.remove("waiting");
    const run = ++this.run;
    await this.busy;
    if (run !== this.run) return;
    const { arms, shared } = this.effective();
    const fell = this.state.arms.some((arm, i) => arm.init !== arms[i].init);
    if (fell) this.tell("This activation has no critical point: He stands in.");
    this.rest = REST;
    await this.ask((i) => ({ settings: { ...arms[i], ...shared } }));
  }

  // Ask both arms and draw what they answer.
  ask(request) {
    const asked = Promise.all(this.lanes.map((lane, i) => lane.ask(request(i))));
    this.busy = asked.then((reports) => {
      this.reports = reports;
      this.redraw();
      if (this.lanes.some(({ slow }) => slow) && !this.slow) {
        this.slow = true;
        this.tell("No worker can start here: the nets train on the page's own thread, which is slower.");
      }
    }, (error) => {
      this.pause();
      this.tell(`Training stopped: ${error.message}.`);
      this.appear();
    });
    return this.busy;
  }

  async train(steps) {
    if (this.guessing && !this.guess) {
      this.find(".guess").hidden = false;
      this.el.classList.add("waiting");
      this.find(".guess button").focus();
      return;
    }
    if (this.running) return;
    this.running = true;
    this.label();
    const run = this.run;
    let pace = 1;
    await this.busy;
    while (this.running && run === this.run) {
      const speed = SPEEDS[this.speed];
      const count = steps ?? speed.steps ?? Math.min(pace, speed.most);
      await this.ask(() => ({ steps: count }));
      const time = Math.max(...this.reports.map((report) => report.time), 1);
      pace = Math.max(1, Math.round(Math.min(2 * count, (count * (speed.target ?? 1)) / time)));
      const over = this.reports.every(({ seeds }) => seeds.every(({ diverged }) => diverged >= 0));
      if (steps || over || this.reports[0].step >= this.rest) break;
      await new Promise((resolve) => setTimeout(resolve, speed.pause));
    }
    if (run !== this.run) return;
    if (this.reports[0].step >= this.rest) this.rest += REST;
    this.pause();
  }

  pause() {
    this.running = false;
    this.label();
    this.redraw(); // while nets train, the sentence waits
  }

  label() {
    this.find(".train").textContent = this.running ? "Pause" : this.reports?.[0].step ? "Go on" : "Train";
  }

  take(guess) {
    this.guess = guess;
    this.find(".guess").hidden = true;
    this.el.classList.remove("waiting");
    this.find(".train").focus();
    this.train();
  }

  copyLink(button) {
    const address = location.href.replace(/#.*$/, "") + toFragment(this.name, this.state);
    history.replaceState(null, "", address);
    this.copy(button, address);
  }

  async copy(button, text) {
    const copied = this.find(".copied");
    try {
      await navigator.clipboard.writeText(text);
      copied.textContent = "Copied.";
    } catch {
      copied.innerHTML = "<textarea readonly rows=2 aria-label='To copy'></textarea>";
      copied.firstChild.value = text;
      copied.firstChild.select();
    }
    this.lastCopied = text;
  }

  redraw() {
    if (this.running && calm.matches && performance.now() - this.drawnAt < CALM) return;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.drawnAt = performance.now();
      if (this.reports && this.el.clientWidth) this.draw();
    });
  }

  // ---- drawing -----------------------------------------------------------------------------------------------

  draw() {
    const { reports } = this;
    const { classes, train, inputs } = this.data;
    const canvas = (key) => this.find(`[data-chart="${key}"]`);
    const guess = Math.log(classes);
    const end = Math.max(20, ...reports[0].points);
    const starts = reports.flatMap(({ seeds }) => seeds.map(({ losses }) => losses[0])).filter(
      Number.isFinite,
    );
    const top = Math.min(Math.max(1.15 * guess, ...starts), 3 * guess);
    const level = { x: [0, end], y: [guess, guess], kind: "guide" };
    chart(canvas("loss"), { lines: [level, ...this.curves("losses")], low: 0, high: top, across: "step" });
    chart(canvas("accuracy"), {
      lines: [{ ...level, y: [1 / classes, 1 / classes] }, ...this.curves("accuracies")],
      low: 0,
      high: 1,
      across: "step",
      percent: true,
    });
    for (const key of ["rms", "gradient"]) {
      chart(canvas(key), { ...this.layers(key), log: true, across: "layer", whole: true });
    }
    // Both arms are drawn on one scale, or small weights would look like large ones.
    const weights = reports.flatMap(({ pictures: one }) => (ArrayBuffer.isView(one) ? [] : one.flat()));
    const most = weights.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0) || 1;
    ARMS.forEach((arm, i) => {
      const caption = canvas(`units-${arm}`).previousElementSibling;
      caption.firstChild.textContent = inputs === 2
        ? "What one net decides, "
        : "Weights into sixteen first-layer units, ";
      const planar = ArrayBuffer.isView(reports[i].pictures);
      if (planar !== (inputs === 2)) return; // a report of the data before
      if (planar) plane(canvas(`units-${arm}`), reports[i].pictures, train, RANGE);
      else pictures(canvas(`units-${arm}`), reports[i].pictures, most);
      canvas(`units-${arm}`).setAttribute(
        "aria-label",
        `${caption.textContent}: ${reports[i].spread < 1e-3 ? "all units alike" : "units differ"}`,
      );
    });
    if (this.find(".more").open) this.drawMore(canvas);
    this.tellStory();
    if (this.find(".listing").open) this.find(".numbers").innerHTML = this.tableHtml();
    this.appear();
  }

  // Take the place of the still picture, once the charts have something to show.
  appear() {
    if (!this.el.classList.contains("loading")) return;
    this.el.classList.remove("loading");
    hideStillPicture(this.el);
    const door = doorOf(this.el);
    if (door && document.activeElement === door) this.find(".train").focus({ preventScroll: true });
    door?.remove();
  }

  drawMore(canvas) {
    chart(canvas("cosine"), { ...this.layers("cosine"), low: -0.1, high: 1, across: "layer", whole: true });
    chart(canvas("dead"), {
      ...this.layers("dead"),
      low: 0,
      high: 1,
      across: "layer",
      whole: true,
      percent: true,
    });
    const lines = this.reports.flatMap((
      { updates },
      i,
    ) => (updates ? [{ x: updates.map((_, at) => at + 1), y: updates, arm: ARMS[i], kind: "middle" }] : []));
    chart(canvas("update"), { lines, log: true, across: "layer", whole: true });
    ARMS.forEach((arm, i) =>
      histograms(canvas(`histogram-${arm}`), this.reports[i].profiles[0].histograms, arm)
    );
  }

  // Curves of every seed and their median, for both arms.
  curves(name) {
    return this.reports.flatMap(({ points, seeds }, i) => {
      const all = seeds.map((seed) => ({ x: points, y: seed[name], arm: ARMS[i], kind: "thin" }));
      const middle = points.map((_, at) => medianOf(seeds.map((seed) => seed[name][at])));
      return [...all, { x: points, y: middle, arm: ARMS[i], kind: "middle" }];
    });
  }

  // A statistic by layer: every seed, the median, and theory before training with its band.
  layers(name) {
    const lines = [];
    const bands = [];
    this.reports.forEach((report, i) => {
      const arm = ARMS[i];
      const middle = byLayer(report, name);
      const x = middle.map((_, at) => at + 1);
      for (const profile of report.profiles) lines.push({ x, y: profile[name], arm, kind: "thin" });
      lines.push({ x, y: middle, arm, kind: "middle" });
      const theory = report.theory?.[name];
      if (!theory) return;
      this.top = report.step ? this.top : { ...this.top, [arm]: byLayer(report, "gradient").at(-1) };
      const unit = name === "gradient" ? this.top[arm] : 1;
      lines.push({ x, y: theory.map((one) => one * unit), arm, kind: "theory" });
      const band = report.theory.bands[name];
      if (!band) return;
      const [low, high] = [0, 1].map((side) => band.map((both) => both[side] * unit));
      bands.push({ x, low, high, arm });
    });
    return { lines, bands };
  }

  tellStory() {
    const { words, chapter, facts } = storyOf(this.reports, this.data.classes, this.chapter);
    const root = document.documentElement.dataset.content_root;
    const { step } = this.reports[0];
    const right = winner(facts);
    const judged = this.guess && step >= ENOUGH
      ? ` You said ${this.guess}; it is ${right}${right === this.guess ? ": right." : "."}`
      : "";
    const story = this.find(".story");
    // A notebook does not know where the book is.
    const why = root === undefined ? "" : ` <a href="${html(`${root}${chapter}.html`)}">Why?</a>`;
    const text = html(words + judged) + why;
    if (this.told === text || (this.running && performance.now() - (this.toldAt ?? 0) < 900)) return;
    story.innerHTML = this.told = text;
    this.toldAt = performance.now();
    for (const canvas of this.el.querySelectorAll(".results [data-chart]:not([data-chart^=units])")) {
      canvas.setAttribute("aria-label", `${canvas.previousElementSibling.textContent}. ${words}`);
    }
  }

  tableHtml() {
    const [a, b] = this.reports;
    const rows = (heads, cells) =>
      `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join("")}</tr></thead><tbody>${
        cells.map(([first, ...rest]) =>
          `<tr><th scope="row">${first}</th>${
            rest.map((cell) => `<td>${Number.isFinite(cell) ? Number(cell.toPrecision(3)) : "–"}</td>`).join(
              "",
            )
          }</tr>`
        ).join("")
      }</tbody></table>`;
    const median = (report, name, at) => medianOf(report.seeds.map((seed) => seed[name][at]));
    const curve = a.points.map((
      point,
      at,
    ) => [point, ...["losses", "accuracies"].flatMap((name) => [median(a, name, at), median(b, name, at)])]);
    const depth = Math.max(...[a, b].map(({ profiles }) => profiles[0].rms.length));
    const profile = ["rms", "gradient", "cosine"].flatMap((name) => [byLayer(a, name), byLayer(b, name)]);
    const layers = Array.from({ length: depth }, (_, i) => [i + 1, ...profile.map((one) => one[i])]);
    const arms = (names) => names.flatMap((name) => [`${name}, A`, `${name}, B`]);
    return rows(["step", ...arms(["loss", "accuracy"])], curve) +
      rows(["layer", ...arms(["signal", "gradient", "cosine"])], layers);
  }

  close() {
    this.run++;
    this.running = false;
    for (const lane of this.lanes) lane.close();
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}

// The still picture stands before the live lab: hide it.
function hideStillPicture(el) {
  let output = el.closest(".widget-subarea, .jp-OutputArea-child, .output_area");
  while ((output = output?.previousElementSibling)) {
    const picture = output.matches("img") || output.querySelector("img");
    if (picture || output.querySelector(".initlib-explorer-note")) {
      output.classList.add("initlib-explorer-still");
    } else if (!output.matches("script")) return;
    if (picture) return;
  }
}

// The button that the site puts on the still picture (page.js answers it, too).
const doorOf = (el) => el.closest(".cell_output")?.querySelector(".initlib-lab-door");

// Resolves when the reader asks for the lab, by a link to a setting or, to true, by its button.
const asked = (door) =>
  new Promise((resolve) => {
    if (door.getAttribute("aria-busy")) return resolve(true);
    const linked = () => new URLSearchParams(location.hash.slice(1)).has("lab") && resolve(false);
    door.addEventListener("click", () => resolve(true));
    addEventListener("hashchange", linked);
    linked();
  });

// Resolves when the element comes near the window: a lab that nobody sees takes no time.
const nearby = (el) =>
  new Promise((resolve) =>
    new IntersectionObserver((seen, observer) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      resolve();
    }, { rootMargin: "300px" }).observe(el)
  );

async function render({ model, el }) {
  el.classList.add("initlib-lab", "loading");
  const door = doorOf(el);
  const pressed = door ? await asked(door) : await nearby(el);
  const lab = (el.lab = new Lab(el, { ...COMMON, ...model.get("spec") }));
  const observers = [new ResizeObserver(() => lab.redraw()), new MutationObserver(() => lab.redraw())];
  observers[0].observe(el);
  for (const root of [document.documentElement, document.body]) {
    observers[1].observe(root, { attributes: true });
  }
  const restore = () => {
    if (lab.onSite && new URLSearchParams(location.hash.slice(1)).get("lab") === lab.name) {
      lab.load(lab.read());
    }
  };
  addEventListener("hashchange", restore);
  if (pressed && lab.spec.compact) lab.train();
  return () => {
    removeEventListener("hashchange", restore);
    for (const observer of observers) observer.disconnect();
    lab.close();
  };
}

export default { render };
