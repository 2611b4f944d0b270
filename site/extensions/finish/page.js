// What the site adds to the theme's scripts on every page.
{
  const on = (selector, act) =>
    document.addEventListener("click", (event) => event.target.closest(selector) && act());
  on(".btn-download-pdf-button", () => print());
  on(".btn-fullscreen-button", () => globalThis.toggleFullScreen());

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

  // The widgets' scripts come when a widget comes near, or when the address holds a setting for one.
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
    for (const view of document.querySelectorAll('script[type="application/vnd.jupyter.widget-view+json"]')) {
      near.observe(view.closest("details:not([open])") ?? view.parentElement);
    }
    const loadForSetting = () => location.hash.includes("=") && load();
    addEventListener("hashchange", loadForSetting);
    loadForSetting();
  }
}
