// deno-lint-ignore-file no-unused-vars -- the scripts are joined: what is unused here is used in another
// Knows what happened, in one sentence computed from the reports, and which chapter explains it.

const medianOf = (values) => {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor((sorted.length - 1) / 2)] : NaN;
};
const short = (value) => {
  if (!Number.isFinite(value)) return "beyond numbers";
  const text = Number(value.toPrecision(2));
  return text !== 0 && (Math.abs(text) < 1e-3 || Math.abs(text) >= 1e4) ? text.toExponential() : String(text);
};
const percent = (share) => `${(100 * share).toFixed(1)}\u202f%`; // a narrow space that does not break

// By layer: the median over seeds of one statistic of the profiles.
const byLayer = (report, name) =>
  report.profiles[0][name].map((_, i) => medianOf(report.profiles.map((one) => one[name][i])));

const CHAPTERS = {
  diverged: "book/pitfalls/large-values",
  equal: "book/techniques/zero",
  stuck: "book/techniques/random",
  uneven: "book/techniques/he",
};

// What one arm does: a kind, the worse the earlier in CHAPTERS, and words.
function factOf({ step, seeds, profiles, spread }, guess) {
  const lost = seeds.filter(({ diverged }) => diverged >= 0);
  const loss = medianOf(seeds.map(({ losses }) => losses.at(-1)));
  const accuracy = medianOf(seeds.map(({ accuracies }) => accuracies.at(-1) || 0)); // of a diverged net: none
  const gradient = byLayer({ profiles }, "gradient");
  const share = gradient[0] / gradient.at(-1);
  const flow = share === 0 || Number.isNaN(share)
    ? "no gradient reaches its first layer"
    : `the gradient of its first layer is ${short(share)} times that of its last`;
  if (lost.length) {
    const first = Math.min(...lost.map(({ diverged }) => diverged));
    const who = lost.length === seeds.length ? "every net" : `${lost.length} of ${seeds.length} nets`;
    return { kind: "diverged", words: `diverged (${who}, the first at step ${first})`, accuracy };
  }
  if (!step) {
    return {
      kind: share > 100 || !(share > 0.01) ? "uneven" : "fine",
      words: `starts where ${flow}`,
      accuracy,
    };
  }
  if (spread < 1e-3) {
    return {
      kind: "equal",
      words: `has units that are all alike and stay so (loss ${short(loss)})`,
      accuracy,
    };
  }
  if (step >= 50 && loss > 0.97 * guess) {
    return {
      kind: "stuck",
      words: `has not left the loss of guessing, ${guess.toFixed(3)}: ${flow}`,
      accuracy,
    };
  }
  return { kind: "fine", words: `classifies ${percent(accuracy)} of the test set`, accuracy };
}

// The sentence and the chapter to read, for the reports of both arms.
function storyOf(reports, classes, chapter) {
  const facts = reports.map((report) => factOf(report, Math.log(classes)));
  const kinds = Object.keys(CHAPTERS);
  const worst = kinds.find((kind) => facts.some((fact) => fact.kind === kind));
  const when = reports[0].step ? `After ${reports[0].step.toLocaleString("en")} steps` : "Before training";
  const [a, b] = facts.map(({ words }) => words);
  const both = a === b ? `both arms: each ${a}` : `A ${a}; B ${b}`;
  return { words: `${when}, ${both}.`, chapter: (worst && CHAPTERS[worst]) || chapter, facts };
}

const ENOUGH = 300; // steps after which a prediction is judged
const MARGIN = 0.02; // of accuracy, below which neither arm wins

function winner([{ accuracy: a }, { accuracy: b }]) {
  if (Math.abs(a - b) < MARGIN) return "neither";
  return a > b ? "A" : "B";
}
