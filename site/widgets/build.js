// Builds ../public/assets/widgets.js and search.js, and copies KaTeX, which typesets formulas while the site is
// built, to ../formulas: `npm ci && npm run build`.
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const ASSETS = "../public/assets";
const LIMIT = 200 * 1024;

// [file, text, replacement]: where anywidget counts on RequireJS, and where it reports an error that is none:
// on a slow machine a model takes more than two seconds, and nothing waits for the promise rejected then.
const PATCHES = [
  [
    /anywidget\/dist\/index\.js$/,
    'define(["@jupyter-widgets/base"], widget_default);',
    "export default widget_default;",
  ],
  [
    /anywidget\/dist\/index\.js$/,
    "this.ready = resolvers.promise;",
    "this.ready = resolvers.promise; this.ready.catch(() => {});",
  ],
];

const patch = {
  name: "patch",
  setup({ onLoad, onEnd }) {
    const applied = new Set();
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      const own = PATCHES.filter(([file]) => file.test(path));
      if (!own.length) return;
      let contents = await readFile(path, "utf8");
      for (const [, text, replacement] of own) {
        if (contents.split(text).length !== 2) {
          throw new Error(`${path} changed: "${text}" is not there exactly once.`);
        }
        applied.add(text);
        contents = contents.replace(text, replacement);
      }
      return { contents };
    });
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

const COMMON = {
  bundle: true,
  minify: true,
  format: "iife", // a classic script: browsers refuse modules on pages opened from a file
  target: "es2022",
  legalComments: "none",
  banner: { js: "/* Built by site/widgets/build.js; the licences of its parts: widgets-licences.txt */" },
  metafile: true,
};

async function buildScripts() {
  const outfile = `${ASSETS}/widgets.js`;
  const runtime = await build({
    ...COMMON,
    entryPoints: ["runtime.js"],
    outfile,
    alias: { "sanitize-html": "./text-only.js" },
    plugins: [patch, inline("styles", await styles())],
  });
  const search = await build({ ...COMMON, entryPoints: ["search.js"], outfile: `${ASSETS}/search.js` });
  await writeLicences([runtime, search].flatMap(({ metafile }) => Object.keys(metafile.inputs)));
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

// The fonts as TrueType: the site serves of each what its formulas need.
async function copyKatex() {
  const target = "../formulas";
  await rm(`${target}/katex`, { recursive: true, force: true });
  await mkdir(`${target}/katex/fonts`, { recursive: true });
  await cp("node_modules/katex/LICENSE", `${target}/katex/LICENSE`);
  for (const part of ["katex.mjs", "katex.css"]) {
    await cp(`node_modules/katex/dist/${part}`, `${target}/katex/${part}`);
  }
  const fonts = (await readdir("node_modules/katex/dist/fonts")).filter((name) => name.endsWith(".ttf"));
  for (const font of fonts) {
    await cp(`node_modules/katex/dist/fonts/${font}`, `${target}/katex/fonts/${font}`);
  }
}

await buildScripts();
await copyKatex();
