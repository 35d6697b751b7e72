// What each layer does to the margin of right answers over wrong ones, and whether EAVSS finds it.
import { frame } from "../lib/frame.mjs";
import { dot, upright } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { datasetName } from "../lib/names.mjs";
import { fixed, withInterval } from "../lib/numbers.mjs";
import { layerTicks, linear, range, roundAround } from "../lib/scale.mjs";
import { isNumber } from "../lib/statistics.mjs";
import { figure, line } from "../lib/svg.mjs";
import { GREY, series } from "../lib/theme.mjs";

export const name = "margins";
export const title = "What each layer does to right answers, and whether EAVSS finds it";

const LEFT = 62;
const WIDE = 376;
const RIGHT = 500;
const SQUARE = 196;
const HIGH = 160;

export function compute({ models }) {
  const panels = models.flatMap(({ label, located }) =>
    (located?.datasets ?? []).filter(({ margins }) => margins).map((dataset) => panelOf(label, dataset)),
  );
  return panels.length === 0 ? null : panels;
}

function panelOf(label, { dataset, pairs, margins, taps: [tap] }) {
  return {
    label,
    dataset: datasetName(dataset),
    pairs,
    whole: margins.summed,
    changes: margins.layers.map(({ summed }) => summed),
    propensities: tap?.layers.map(({ propensity }) => propensity ?? null) ?? [],
    rho: tap?.agreement?.eavss_margin ?? {},
    probe: tap?.agreement?.probe_margin ?? {},
  };
}

export function draw(panels) {
  const words = {
    title,
    subtitle:
      "Left: by how much the margin, log p(right) − log p(wrong), changes without a layer, in nats; above 0 the layer favours wrong answers. Lines: 95 % " +
      "intervals over pairs. Right: the same against |ln EAVSS|; were EAVSS right about where hallucinations arise, dots would rise to the right.",
    description: panels
      .map(({ label, dataset, rho }) => `${label}, ${dataset}: ρ of |ln EAVSS| with margin change ${withInterval(rho)}.`)
      .join(" "),
  };
  return figure(words, (top) => {
    const start = top + 16;
    return {
      body: panels.map((panel, index) => drawPanel(panel, start + index * (HIGH + 74))),
      bottom: start + panels.length * (HIGH + 74) - 32,
    };
  });
}

function drawPanel(panel, top) {
  const { changes, propensities, rho } = panel;
  const ends = changes.flatMap(({ value, low, high }) => [value, low, high]).filter(isNumber);
  const domain = roundAround([0, ...ends], 4);
  const y = linear(domain, [top + HIGH, top], 5);
  const x = linear([-0.5, changes.length - 0.5], [LEFT, LEFT + WIDE]);
  const title = `${panel.label}, ${panel.dataset}`;
  const box = { top, height: HIGH, y };
  return [
    frame({ ...box, left: LEFT, width: WIDE, x, xTicks: layerTicks(changes.length, 16), title, xWords: "layer", yWords: "margin change, nats" }),
    line(LEFT, y.at(0), LEFT + WIDE, y.at(0), "axis"),
    changes.map((change, layer) => (isNumber(change.value) ? point(change, x.at(layer), y) : "")),
    scatter(changes, propensities, rho, box),
  ];
}

function point(change, x, y) {
  const isHelpful = change.value < 0;
  const classes = isHelpful ? GREY : series(1);
  return [upright(y, change, x, classes), dot(isHelpful ? "circle" : "up", x, y.at(change.value), `${classes} fill`, 3.5)];
}

function scatter(changes, propensities, rho, box) {
  const both = changes.flatMap(({ value }, layer) =>
    isNumber(value) && isNumber(propensities[layer]) ? [[propensities[layer], value]] : [],
  );
  if (both.length === 0) return "";
  const x = linear([0, roundAround([0, ...both.map(([across]) => across)], 4)[1]], [RIGHT, RIGHT + SQUARE], 4);
  const title = `ρ = ${withInterval(rho)}`;
  return [
    frame({ ...box, left: RIGHT, width: SQUARE, x, title, xWords: "|ln EAVSS|" }),
    line(RIGHT, box.y.at(0), RIGHT + SQUARE, box.y.at(0), "axis"),
    both.map(([across, up]) => dot("circle", x.at(across), box.y.at(up), `${series(0)} fill`, 3.5)),
  ];
}

export function tables(panels) {
  const head = ["model, dataset", "pairs", "margin, nats", "ρ of |ln EAVSS|", "ρ of the probe's AUROC", "layers above 0"];
  const lines = panels.map((panel) => [
    `${panel.label}, ${panel.dataset}`,
    panel.pairs,
    withInterval(panel.whole),
    withInterval(panel.rho),
    withInterval(panel.probe),
    panel.changes.filter(({ low }) => isNumber(low) && low > 0).length,
  ]);
  const most = Math.max(...panels.map(({ changes }) => changes.length));
  const layers = range(0, most - 1).map((layer) => [
    layer,
    ...panels.flatMap(({ changes, propensities }) => [
      withInterval(changes[layer] ?? {}),
      fixed(propensities[layer], 3),
    ]),
  ]);
  return [
    "Spearman's ρ over layers with margin change, and how many layers have an interval above 0: without them right answers gain.",
    table(head, lines),
    "By layer, margin change in nats and |ln EAVSS|:",
    table(["layer", ...panels.flatMap(({ label, dataset }) => [`${label}, ${dataset}`, "|ln EAVSS|"])], layers, 0),
  ];
}
