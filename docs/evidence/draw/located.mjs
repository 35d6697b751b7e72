// Where a probe tells hallucinated answers from factual ones, beside what tells them apart without any layer.
import { frame } from "../lib/frame.mjs";
import { band, legend, lineEntry } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { datasetName } from "../lib/names.mjs";
import { fixed, withInterval } from "../lib/numbers.mjs";
import { layerTicks, linear, range } from "../lib/scale.mjs";
import { isNumber } from "../lib/statistics.mjs";
import { figure, line, path, rect } from "../lib/svg.mjs";
import { GREY, series } from "../lib/theme.mjs";

export const name = "located";
export const title = "Where hallucinated answers show, and what shows them without any layer";

const COLUMNS = 2;
const LEFT = 62;
const GAP = 56;
const WIDE = 290;
const HIGH = 150;
const LEVELS = [
  { key: "length", words: "length alone", classes: `${series(4)} line dashed` },
  { key: "logProbability", words: "log-probability alone", classes: `${series(2)} line dashed` },
  { key: "coins", words: "coins", classes: `${GREY} line dotted` },
];

export function compute({ models }) {
  const panels = models.flatMap(({ label, located }) =>
    (located?.datasets ?? []).filter(({ taps }) => taps.length > 0).map((dataset) => panelOf(label, dataset)),
  );
  return panels.length === 0 ? null : panels;
}

function panelOf(label, { dataset, pairs, controls, taps: [tap] }) {
  return {
    label,
    dataset: datasetName(dataset),
    pairs,
    tap: tap.tap,
    whole: tap.layers.map(({ auroc }) => auroc),
    cut: tap.cut?.map(({ auroc }) => auroc) ?? null,
    length: folded(controls?.length),
    logProbability: folded(controls?.log_probability),
    coins: { value: tap.shuffled?.auroc ?? 0.5, low: null, high: null },
  };
}

/** max(a, 1 − a): which side has more does not matter to how well they are told apart. */
function folded(estimate) {
  const { value, low, high } = estimate ?? {};
  if (!isNumber(value)) return null;
  if (value >= 0.5) return { value, low: low ?? null, high: high ?? null };
  return { value: 1 - value, low: isNumber(high) ? 1 - high : null, high: isNumber(low) ? 1 - low : null };
}

export function draw(panels) {
  const lowest = Math.min(
    ...panels.flatMap(({ whole, cut }) => [...whole, ...(cut ?? [])]).map(({ low, value }) => low ?? value ?? 1),
  );
  const domain = [Math.max(0, Math.min(0.4, Math.floor(lowest * 10) / 10)), 1];
  const words = {
    title,
    subtitle:
      "Area under the ROC curve of a linear probe at each layer, on questions that it was not made from: 0.5 is chance, 1 is perfect. Bands: 95 % intervals " +
      "over questions. Length and log-probability count whichever side has more.",
    description: panels.map(describe).join(" "),
  };
  return figure(words, (top) => {
    const whole = {
      mark: (x, y) => [rect(x - 9, y - 5, 18, 10, `${series(0)} faint`), line(x - 9, y, x + 9, y, `${series(0)} line`)],
      words: "probe",
    };
    const cut = lineEntry(`${series(1)} line`, "probe, one length");
    const entries = [whole, cut, ...LEVELS.map(({ classes, words: said }) => lineEntry(classes, said))];
    const head = legend(entries, top);
    const start = head.bottom + 24;
    const rows = Math.ceil(panels.length / COLUMNS);
    const place = (index) => [
      LEFT + (index % COLUMNS) * (WIDE + GAP),
      start + Math.floor(index / COLUMNS) * (HIGH + 66),
    ];
    return {
      body: [head.body, panels.map((panel, index) => drawPanel(panel, domain, ...place(index)))],
      bottom: start + rows * (HIGH + 66) - 26,
    };
  });
}

function describe({ label, dataset, whole, length, logProbability }) {
  const values = whole.map(({ value }) => value).filter(isNumber);
  const best = values.length === 0 ? null : Math.max(...values);
  return `${label}, ${dataset}: best layer ${fixed(best)}, length alone ${fixed(length?.value)}, log-probability alone ${fixed(logProbability?.value)}.`;
}

function drawPanel(panel, domain, left, top) {
  const layers = panel.whole.length;
  const x = linear([0, Math.max(1, layers - 1)], [left + 6, left + WIDE - 6]);
  const y = linear(domain, [top + HIGH, top], 6);
  const at = (estimates) => estimates.map(({ value }, layer) => (isNumber(value) ? [x.at(layer), y.at(value)] : null));
  const between = (estimates) =>
    estimates.map(({ low, high }, layer) =>
      isNumber(low) && isNumber(high) ? { x: x.at(layer), low: y.at(low), high: y.at(high) } : null,
    );
  const box = { left, top, width: WIDE, height: HIGH, x, y, xTicks: layerTicks(layers, 12) };
  return [
    frame({
      ...box,
      title: `${panel.label}, ${panel.dataset}`,
      xWords: "layer",
      yWords: left === LEFT ? "AUROC" : undefined,
    }),
    panel.cut === null ? "" : band(between(panel.cut), `${series(1)} faint`),
    band(between(panel.whole), `${series(0)} faint`),
    LEVELS.map(({ key, classes }) =>
      panel[key] === null ? "" : line(left, y.at(panel[key].value), left + WIDE, y.at(panel[key].value), classes),
    ),
    panel.cut === null ? "" : path(at(panel.cut), `${series(1)} line`),
    path(at(panel.whole), `${series(0)} line`),
  ];
}

export function tables(panels) {
  const controls = panels.map((panel) => [
    `${panel.label}, ${panel.dataset}`,
    panel.pairs,
    ...bestOf(panel.whole),
    ...bestOf(panel.cut ?? []),
    withInterval(panel.length ?? {}),
    withInterval(panel.logProbability ?? {}),
    fixed(panel.coins.value),
  ]);
  const head = [
    "model, dataset",
    "pairs",
    "best layer",
    "AUROC",
    "best layer, cut",
    "AUROC, cut",
    "length",
    "log-probability",
    "coins",
  ];
  return [
    "AUROC of the probe at its best layer, and of controls that need no layer (the larger of a and 1 − a). The best of many layers is picked on the same questions, and so is flattered. Cut: answers of a pair have one length.",
    table(head, controls),
    "By layer:",
    table(...byLayer(panels)),
  ];
}

function bestOf(estimates) {
  const values = estimates.map(({ value }) => (isNumber(value) ? value : -1));
  const best = Math.max(-1, ...values);
  return best < 0 ? ["–", "–"] : [values.indexOf(best), withInterval(estimates[values.indexOf(best)])];
}

function byLayer(panels) {
  const most = Math.max(...panels.map(({ whole }) => whole.length));
  const head = ["layer", ...panels.flatMap(({ label, dataset }) => [`${label}, ${dataset}`, "cut"])];
  const lines = range(0, most - 1).map((layer) => [
    layer,
    ...panels.flatMap(({ whole, cut }) => [withInterval(whole[layer] ?? {}), withInterval(cut?.[layer] ?? {})]),
  ]);
  return [head, lines, 0];
}
