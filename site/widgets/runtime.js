// Shows the widgets of a static page: no kernel, no Output widget, no request beyond the page's own site.
import * as base from "@jupyter-widgets/base";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import * as controls from "@jupyter-widgets/controls";
import anywidget from "anywidget";
import { MessageLoop } from "@lumino/messaging";
import { Widget } from "@lumino/widgets";
import styles from "styles";

const STATE = "application/vnd.jupyter.widget-state+json";
const VIEW = "application/vnd.jupyter.widget-view+json";
const MODULES = {
  "@jupyter-widgets/base": base,
  "@jupyter-widgets/controls": controls,
  anywidget: anywidget(base),
};

class PageManager extends ManagerBase {
  async loadClass(className, moduleName) {
    const found = MODULES[moduleName]?.[className];
    if (!found) throw new Error(`The page's widget runtime has no ${moduleName}.${className}.`);
    return found;
  }
  // There is no kernel: nothing to ask, nothing to open.
  async _get_comm_info() {
    return {};
  }
  async _create_comm() {
    throw new Error("A static page has no kernel.");
  }
}

const scripts = (type) => document.querySelectorAll(`script[type="${type}"]`);

const parse = (script) => JSON.parse(script.textContent);

// The site's build puts what many widgets share, such as a component's code, in a file; "shared:KEY" refers to it.
function withShared(state) {
  const shared = globalThis.sharedByWidgets ?? {};
  for (const model of Object.values(state.state)) {
    for (const [name, value] of Object.entries(model.state)) {
      if (typeof value === "string" && value.startsWith("shared:")) {
        model.state[name] = shared[value.slice(7)];
      }
    }
  }
  return state;
}

async function show(manager, script) {
  const model = await manager.get_model(parse(script).model_id);
  const view = await manager.create_view(model);
  const area = document.createElement("div");
  area.className = "widget-subarea";
  script.after(area);
  MessageLoop.sendMessage(view.luminoWidget, Widget.Msg.BeforeAttach);
  area.append(view.el);
  MessageLoop.sendMessage(view.luminoWidget, Widget.Msg.AfterAttach);
  window.addEventListener(
    "resize",
    () => MessageLoop.postMessage(view.luminoWidget, Widget.ResizeMessage.UnknownSize),
  );
}

const parsed = () =>
  new Promise((resolve) => {
    if (document.readyState !== "loading") resolve();
    else document.addEventListener("readystatechange", resolve, { once: true });
  });

async function start() {
  await parsed();
  const style = document.createElement("style");
  style.textContent = styles;
  document.head.prepend(style);
  const manager = new PageManager();
  for (const script of scripts(STATE)) await manager.set_state(withShared(parse(script)));
  await Promise.all([...scripts(VIEW)].map((script) => show(manager, script)));
}

start();
