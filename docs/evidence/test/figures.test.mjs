// The numbers in tables, by hand, from small reports that this file makes up.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../figures.mjs", import.meta.url));
let folder;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evidence-"));
  mkdirSync(join(folder, "reports"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("correlations are the report's, and their mean is over models", () => {
  store("one.wiki.json", run({ correlation: 0.25 }));
  store("two.wiki.json", run({ correlation: 0.75, sha256: "b" }));
  assert.deepEqual(row(made(), "AVSS"), ["0.25 [0.15, 0.35]", "0.75 [0.65, 0.85]", "0.50"]);
});

test("kept at a tenth is of the first removals, at a quarter of the whole plan", () => {
  store("one.wiki.json", run({}));
  // Of 20 layers 2 and 5: without layers 0 and 1, and without all of 0, 1, 2, 3 and 4.
  const tables = made();
  assert.deepEqual(rowIn(tables, "What is kept", "AVSS"), [
    "80.0 [75.0, 85.0]",
    "–",
    "50.0 [45.0, 55.0]",
    "95.0 [90.0, 100.0]",
  ]);
  assert.match(tables, /without 2 and 5 of 20 layers/u);
  // 95, 80, 91, 60 and 50 % are kept: three is the most that keeps nine tenths, though two do not.
  assert.deepEqual(rowIn(tables, "How many layers", "AVSS"), ["3", "5+"]);
});

test("overlap of the lowest quarter is the mean over pairs of texts", () => {
  const reversed = [...Array(20).keys()].reverse();
  const shifted = [...Array(20).keys()].map((layer) => (layer + 2) % 20);
  store("one.wiki.json", run({}));
  store("one.code.json", run({ avss: reversed }));
  store("one.prose.json", run({ avss: shifted }));
  // Lowest five: 0 to 4; 15 to 19; 18, 19, 0, 1 and 2. Overlaps: none, three and two of five.
  assert.deepEqual(rowIn(made(), "How much the calibration text", "AVSS"), ["0.33 (0.00 to 0.60)"]);
});

test("readings are correlated with the loss change of the text, ties sharing their mean rank", () => {
  const change = [...Array(20).keys()];
  const ties = change.map((layer) => (layer < 10 ? 1 : 2));
  store("one.wiki.json", run({ change }));
  store("one.readings-authors.json", score({ avss: ties, epsilon: "1e-5" }));
  const tables = made();
  // Ranks 5.5 and 15.5 against 1 to 20: 500 / √(500 · 665) = 0.867.
  assert.deepEqual(rowIn(tables, "AVSS under other readings", "authors"), ["pooled, ε 1e-5, output", "0.87"]);
  assert.deepEqual(rowIn(tables, "AVSS under other readings", "as in the other figures").at(-1), "1.00");
});

test("figures that lack their reports are left out, and go when these do", () => {
  store("one.wiki.json", run({}));
  store("one.readings-authors.json", score({}));
  made();
  assert.ok(existsSync(join(folder, "figures", "readings.svg")));
  rmSync(join(folder, "reports", "one.readings-authors.json"));
  assert.match(call("--check").stderr, /figures\/readings\.svg: no report asks for it/u);
  assert.doesNotMatch(made(), /other readings/u);
  assert.ok(!existsSync(join(folder, "figures", "readings.svg")));
});

test("a figure that was changed by hand fails the check by name, and nothing else does", () => {
  store("one.wiki.json", run({}));
  made();
  assert.equal(call("--check").status, 0);
  appendFileSync(join(folder, "figures", "kept.svg"), " ");
  const checked = call("--check");
  assert.equal(checked.status, 1);
  assert.match(checked.stderr, /^figures\/kept\.svg: is not what the reports give/u);
  assert.equal(checked.stderr.trim().split("\n").length, 1);
});

test("broken reports are named with the cause, and nothing is written", () => {
  store("one.wiki.json", run({}));
  writeFileSync(join(folder, "reports", "a.wiki.json"), '{"schema": ');
  store("b.wiki.json", { ...run({}), schema: "layerlab/9" });
  store("c.wiki.json", { ...run({}), scoring: { ...run({}).scoring, scores: { lowest: 5 } } });
  store("d.located.json", run({}));
  store("one.code.json", run({ sha256: "other" }));
  writeFileSync(join(folder, "reports", "nameless.json"), "{}");
  const { status, stderr } = call();
  assert.equal(status, 1);
  for (const said of [
    /reports\/a\.wiki\.json: not JSON: /u,
    /reports\/b\.wiki\.json: schema is "layerlab\/9", expected "layerlab\/1"/u,
    /reports\/c\.wiki\.json: scoring\.scores\.sequences: is missing/u,
    /reports\/d\.located\.json: experiment is run, where the name asks for locate/u,
    /reports\/one\.wiki\.json: is of other weights .* than one\.code\.json/u,
    /reports\/nameless\.json: the name is not MODEL\.TEXT\.json/u,
  ]) {
    assert.match(stderr, said);
  }
  assert.ok(!existsSync(join(folder, "tables.md")));
});

test("figures are well-formed, have a title and a description, and serve light and dark", () => {
  store("one.wiki.json", run({ label: 'A <"&> score' }));
  made();
  const svg = readFileSync(join(folder, "figures", "correlation.svg"), "utf8");
  assert.match(svg, /<title id="title">.+<\/title><desc id="desc">.+<\/desc>/u);
  assert.match(svg, /@media \(prefers-color-scheme:dark\)/u);
  assert.match(svg, /A &#60;&#34;&#38;&#62; score/u);
  assert.doesNotMatch(svg, /NaN|undefined|null/u);
});

function store(file, report) {
  writeFileSync(join(folder, "reports", file), JSON.stringify(report));
}

function call(...words) {
  return spawnSync(process.execPath, [PROGRAM, ...words, folder], { encoding: "utf8" });
}

function made() {
  const { status, stderr } = call();
  assert.equal(status, 0, stderr);
  return readFileSync(join(folder, "tables.md"), "utf8");
}

/** The cells of the first row that begins with `label`, below a heading. */
function rowIn(tables, heading, label) {
  const section = tables.split("\n## ").find((each) => each.startsWith(heading));
  assert.ok(section, `${heading} is among ${tables.match(/^## .+$/gmu)?.join(", ")}`);
  const line = section.split("\n").find((each) => each.startsWith(`| ${label} |`));
  assert.ok(line, `${label} is in ${section}`);
  return line
    .split("|")
    .slice(2, -1)
    .map((cell) => cell.trim());
}

function row(tables, label) {
  return rowIn(tables, "Which scores", label);
}

/** A report of 20 layers whose AVSS and loss change are as given, with a plan that removes layers 0 to 4. */
function run({ correlation = 0.5, ...rest }) {
  const report = score(rest);
  report.experiment = "run";
  report.scoring.scores.agreement.loss_change = [
    { method: "avss", spearman: correlation, low: correlation - 0.1, high: correlation + 0.1 },
  ];
  report.pruning = pruning();
  return report;
}

function score({ avss, change, label = "AVSS", epsilon = "rel:0.05", sha256 = "a" }) {
  const rising = [...Array(20).keys()];
  return {
    schema: "layerlab/1",
    program: { name: "layerlab", version: "0" },
    created: "2000-01-01T00:00:00Z",
    experiment: "score",
    model: {
      ...{ name: "m", family: "llama", layers: 20, hidden_size: 1, heads: 1, kv_heads: 1, inner_size: 1 },
      ...{ vocab_size: 1, context: 1, parameters: 1, block_parameters: 1, weight_bytes: 1, dtypes: ["F32"], sha256 },
    },
    device: { requested: "cpu", kind: "cpu", name: "one thread" },
    scoring: {
      data: { name: "t", sha256: "t", bytes: 1, sequences: 1, sequence_length: 1, tokens: 1, bos: false },
      options: {
        score: {
          ...{ estimator: "pooled", epsilon, tap: "output", relative_epsilon: 0.05 },
          ...{ resamples: 0, confidence: 0.95, seed: 0, random_seeds: [] },
        },
        spans: [1],
        batch: 1,
      },
      statistics: rising.map((layer) => ({ layer, taps: { output: tap(layer) }, spans: {} })),
      scores: {
        lowest: 5,
        sequences: 1,
        methods: [method("avss", label, avss ?? rising), method("loss_change", "loss change", change ?? rising)],
        agreement: { methods: [], spearman: [], loss_change: [] },
        warnings: [],
      },
    },
    evaluation: [],
    timings: { load_seconds: 0, hash_seconds: 0 },
    warnings: [],
  };
}

function tap(layer) {
  return {
    ...{ tokens: 1, elements: 1, nan: 0, inf: 0, mean: 0, rms: 1 + layer, kurtosis: 3, max_abs: 10 + layer },
    variance: { pooled: 1, element: 1, channel: 1 },
    sparsity: { share: 0.5, saturated: false, uncertainty: 0 },
    histogram: { first_bin: 0, counts: [1] },
  };
}

function method(id, label, values) {
  const rank = (value, layer) =>
    1 + values.filter((other, at) => other < value || (other === value && at > layer)).length;
  const layers = values.map((value, layer) => ({ layer, value, rank: rank(value, layer) }));
  return { id, label, source: "ours", role: "ranking", direction: "high_is_important", layers };
}

function pruning() {
  const plan = { method: "avss", label: "AVSS", schedule: "one_shot" };
  const none = { seed: 0, resamples: 0, level: 0.95 };
  return {
    request: {
      ...{ methods: [], schedules: ["one_shot"], budget: { share: 0.25 } },
      constraints: { protected: [], forced: [] },
    },
    count: 5,
    plans: [{ ...plan, removed: [1, 0, 2, 3, 4] }],
    outcomes: [0.95, 0.8, 0.91, 0.6, 0.5].map((retained, index) =>
      outcome([1, 0, 2, 3, 4].slice(0, index + 1).sort(), retained),
    ),
    block_passes: [],
    options: {
      ...{ batch_tokens: 1, confidence: none, question_template: "", text_template: "", max_new_tokens: 1 },
    },
    healing: {
      request: { ways: ["refit"], refit: { lambdas: [] }, distil: distil(), keep: 0.9 },
      outcomes: [
        {
          record: { way: "refit", tokens: 1, choosing_tokens: 1, gaps: [], seconds: 0 },
          ...outcome([0, 1, 2, 3, 4], 0.95),
        },
      ],
      cuts: [{ ...plan, healing: "refit", layers: 5, is_whole_plan: true, retained: 0.95 }],
      refused: [],
    },
  };
}

function distil() {
  return {
    ...{ rank: 1, alpha: 1, steps: 1, sequences: 1, learning_rate: 1 },
    ...{ warm_up: 1, check_every: 1, patience: 1, seed: 0 },
  };
}

function outcome(removed, retained) {
  const compared = [
    { dataset: "other", metric: "accuracy", retained: 0.1 },
    { dataset: "text", metric: "perplexity", retained, retained_low: retained - 0.05, retained_high: retained + 0.05 },
  ];
  return { removed, parameters: 1, tasks: [], compared };
}
