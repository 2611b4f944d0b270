// Builds ../public/assets/widgets.js and copies the part of MathJax that the pages use: `npm ci && npm run build`.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ASSETS = "../public/assets";
const LIMIT = 200 * 1024;

// [file, text, replacement]: two places where the packages count on RequireJS or on MathJax 2.
const PATCHES = [
  [
    /anywidget\/dist\/index\.js$/,
    'define(["@jupyter-widgets/base"], widget_default);',
    "export default widget_default;",
  ],
  [
    /controls\/lib\/utils\.js$/,
    "MathJax.Hub.Queue(['Typeset', MathJax.Hub, element]);",
    "MathJax.typesetPromise?.([element]);",
  ],
];

const patch = {
  name: "patch",
  setup({ onLoad, onEnd }) {
    const applied = new Set();
    for (const [filter, text, replacement] of PATCHES) {
      onLoad({ filter }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        if (source.split(text).length !== 2) {
          throw new Error(`${path} changed: "${text}" is not there exactly once.`);
        }
        applied.add(text);
        return { contents: source.replace(text, replacement) };
      });
    }
    onEnd(() => {
      if (applied.size !== PATCHES.length) throw new Error("A patch met no file: the packages changed.");
    });
  },
};

async function styles() {
  const result = await build({ entryPoints: ["widgets.css"], bundle: true, minify: true, write: false });
  return result.outputFiles[0].text;
}

const inline = (name, text) => ({
  name,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: name, namespace: name }));
    onLoad({ filter: /.*/, namespace: name }, () => ({ contents: text, loader: "text" }));
  },
});

async function buildRuntime() {
  const outfile = `${ASSETS}/widgets.js`;
  const { metafile } = await build({
    entryPoints: ["runtime.js"],
    outfile,
    bundle: true,
    minify: true,
    format: "iife", // a classic script: browsers refuse modules on pages opened from a file
    target: "es2022",
    legalComments: "none",
    banner: { js: "/* Built by site/widgets/build.js; the licences of its parts: widgets-licences.txt */" },
    metafile: true,
    alias: { "sanitize-html": "./text-only.js" },
    plugins: [patch, inline("styles", await styles())],
  });
  await writeLicences(Object.keys(metafile.inputs));
  const script = await readFile(outfile);
  const gzip = gzipSync(script, { level: 9 }).length;
  console.log(`widgets.js: ${kilobytes(script.length)} KB, ${kilobytes(gzip)} KB gzip`);
  if (gzip > LIMIT) throw new Error(`widgets.js is over its limit of ${kilobytes(LIMIT)} KB gzip.`);
}

async function writeLicences(inputs) {
  const packages = new Set(
    inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean),
  );
  packages.add("solid-js").add("@lukeed/uuid"); // inside anywidget's own bundle
  const parts = [];
  for (const name of [...packages].sort()) {
    const folder = `node_modules/${name}`;
    const { version, license, author } = JSON.parse(await readFile(`${folder}/package.json`, "utf8"));
    const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
    const text = file ? await readFile(`${folder}/${file}`, "utf8") : `Copyright ${author?.name ?? author}`;
    parts.push(`${name} ${version} (${license})\n\n${text.trim()}\n`);
  }
  await writeFile(`${ASSETS}/widgets-licences.txt`, parts.join(`\n${"-".repeat(80)}\n\n`));
}

const kilobytes = (bytes) => (bytes / 1024).toFixed(0);

// tex-chtml.js loads a font when a formula needs it, and an extension when a formula uses its macros.
async function copyMathjax() {
  const target = `${ASSETS}/mathjax`;
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  await cp("node_modules/mathjax/LICENSE", `${target}/LICENSE`);
  for (const part of ["tex-mml-chtml.js", "input/tex/extensions", "output/chtml/fonts/woff-v2"]) {
    await cp(`node_modules/mathjax/es5/${part}`, `${target}/${part}`, { recursive: true });
  }
}

await buildRuntime();
await copyMathjax();
