// What the site adds to the theme's scripts on every page.
{
  const on = (selector, act) =>
    document.addEventListener("click", (event) => event.target.closest(selector) && act());
  on(".btn-download-pdf-button", () => print());
  on(".btn-fullscreen-button", () => globalThis.toggleFullScreen());

  // What is larger than its box is reached by Tab, to be moved by keys. The theme asks every box of the page for its
  // size, which lays out all of it; observed, a box says its size when it is laid out, and is reached until then.
  const boxes = "pre, .cell_output > .output, .pst-scrollable-table-container, .figure-frame";
  const phone = matchMedia("(max-width: 600px)");
  const isLarger = (box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
  const canGrow = (frame) =>
    phone.matches && parseFloat(frame.style.getPropertyValue("--least")) > frame.clientWidth;
  const sizes = new ResizeObserver((changed) => {
    const larger = changed.map(({ target: box }) =>
      box.matches(".figure-frame") ? canGrow(box) : isLarger(box)
    );
    changed.forEach(({ target }, i) => target.tabIndex = larger[i] ? 0 : -1);
  });
  const measure = () => {
    sizes.disconnect();
    for (const box of document.querySelectorAll(boxes)) {
      if (!box.hasAttribute("tabindex")) box.tabIndex = 0;
      sizes.observe(box);
    }
  };
  let waiting = 0;
  new MutationObserver(() => {
    clearTimeout(waiting);
    waiting = setTimeout(measure, 300);
  }).observe(document.getElementById("main-content") ?? document.body, { childList: true, subtree: true });
  measure();

  // Paper shows what is folded.
  const opened = new Set();
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("article details:not([open])")) {
      fold.open = true;
      opened.add(fold);
    }
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
    opened.clear();
  });

  // The widgets' scripts come when the reader has done anything and a widget is near, or when the address holds a
  // setting for one; until then its still picture stands.
  const state = document.querySelector("script[data-scripts]");
  const load = () => {
    for (const address of state.dataset.scripts?.split(" ") ?? []) {
      const script = document.createElement("script");
      script.src = address;
      script.async = false; // in their order
      document.head.append(script);
    }
    delete state.dataset.scripts;
  };
  if (state) {
    const near = new IntersectionObserver((seen) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
      near.disconnect();
      load();
    }, { rootMargin: "1500px" });
    const first = new AbortController();
    const wake = ({ type, target, movementX, movementY }) => {
      if (type === "scroll" && target !== document) return; // the theme moves its sidebar
      if (type === "pointermove" && !movementX && !movementY) return; // the page moved, below a pointer at rest
      first.abort();
      for (
        const view of document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]')
      ) {
        near.observe(view.closest("details:not([open])") ?? view.parentElement);
      }
    };
    for (const act of ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown", "focusin"]) {
      addEventListener(act, wake, { signal: first.signal, capture: true, passive: true });
    }
    document.addEventListener("click", ({ target }) => {
      const door = target.closest(".initlib-lab-door");
      if (!door) return;
      door.setAttribute("aria-busy", "true");
      door.textContent = "Loading …";
      door.parentElement.classList.add("lab-asked");
      load();
    });
    const loadForSetting = () => location.hash.includes("=") && load();
    addEventListener("hashchange", loadForSetting);
    loadForSetting();
  }
}
