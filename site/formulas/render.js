// Reads [{tex, display}, ...] as JSON from standard input and writes [html, ...]: KaTeX, with MathML for screen readers.
import katex from "./katex/katex.mjs";

const formulas = JSON.parse(await new Response(Deno.stdin.readable).text());
const html = formulas.map(({ tex, display }) =>
  katex.renderToString(tex, {
    displayMode: display,
    output: "htmlAndMathml",
    strict: "ignore",
    throwOnError: true,
  })
);
console.log(JSON.stringify(html));
