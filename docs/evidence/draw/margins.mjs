// What each layer does to the margin of right answers over wrong ones, and whether EAVSS finds it.
import { frame } from "../lib/frame.mjs";
import { dot, legend, upright } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { datasetName } from "../lib/names.mjs";
import { fixed, withInterval } from "../lib/numbers.mjs";
import { layerTicks, linear, range, roundAround, symmetric } from "../lib/scale.mjs";
import { isNumber, spearman } from "../lib/statistics.mjs";
import { figure, line } from "../lib/svg.mjs";
import { GREY, series } from "../lib/theme.mjs";

export const name = "margins";
export const title = "What each layer does to right answers, and whether EAVSS finds it";

const LEFT = 62;
const WIDE = 376;
const RIGHT = 500;
const SQUARE = 196;
const HIGH = 140;
/** Up to here the axis is about even. */
const UNIT = 0.1;
const STATES = [
  state("above 0: right answers gain", series(1), "up", "fill"),
  state("below 0: they lose", GREY, "circle", "fill"),
  state("interval contains 0", GREY, "circle", "hollow"),
];

function state(words, colour, shape, filling) {
  return { words, colour, draw: (x, y) => dot(shape, x, y, `${colour} ${filling}`, 3.5) };
}

export function compute({ models }) {
  const panels = models.flatMap(({ label, located }) =>
    (located?.datasets ?? []).filter(({ margins }) => margins).map((dataset) => panelOf(label, dataset)),
  );
  return panels.length === 0 ? null : panels;
}

function panelOf(label, { dataset, pairs, margins, taps: [tap] }) {
  const changes = margins.layers.map(({ per_token: change }) => change);
  const propensities = tap?.layers.map(({ propensity }) => propensity ?? null) ?? [];
  return {
    label,
    dataset: datasetName(dataset),
    pairs,
    whole: margins.per_token,
    changes,
    propensities,
    rho: agreement(propensities, changes, tap?.agreement?.eavss_margin),
    probe: agreement(tap?.layers.map(({ auroc }) => auroc.value) ?? [], changes, tap?.agreement?.probe_margin),
  };
}

/** Spearman's ρ over layers, with the interval of the report if it is of the same: early reports have that of summed margins. */
function agreement(values, changes, reported) {
  const value = spearman(
    values,
    changes.map((change) => change.value),
  );
  return isNumber(value) && Math.abs(value - (reported?.value ?? Infinity)) < 1e-6 ? { ...reported, value } : { value };
}

export function draw(panels) {
  const words = {
    title,
    subtitle:
      "Left: by how much the margin, log p(right) − log p(wrong) in nats a token, changes without a layer; the axis is stretched around 0. Lines: 95 % intervals over pairs. Right: the same against |ln EAVSS|; if EAVSS found such layers, dots would rise to " +
      "the right.",
    description: panels
      .map(
        ({ label, dataset, rho }) => `${label}, ${dataset}: ρ of |ln EAVSS| with margin change ${withInterval(rho)}.`,
      )
      .join(" "),
  };
  return figure(words, (top) => {
    const entry = ({ words: said, draw: mark }) => ({ words: said, mark });
    const head = legend(STATES.map(entry), top);
    const start = head.bottom + 22;
    return {
      body: [head.body, panels.map((panel, index) => drawPanel(panel, start + index * (HIGH + 62)))],
      bottom: start + panels.length * (HIGH + 62) - 26,
    };
  });
}

function stateOf({ low, high }) {
  if (isNumber(low) && low > 0) return STATES[0];
  return isNumber(high) && high < 0 ? STATES[1] : STATES[2];
}

function drawPanel(panel, top) {
  const { changes, propensities, rho } = panel;
  const ends = changes.flatMap(({ value, low, high }) => [value, low, high]).filter(isNumber);
  const [least, most] = [Math.min(-UNIT, ...ends), Math.max(UNIT, ...ends)];
  const y = symmetric([1.2 * least, 1.2 * most], [top + HIGH, top], UNIT);
  const x = linear([-0.5, changes.length - 0.5], [LEFT, LEFT + WIDE]);
  const title = `${panel.label}, ${panel.dataset}`;
  const box = { top, height: HIGH, y };
  const left = { left: LEFT, width: WIDE, x, xTicks: layerTicks(changes.length, 16) };
  return [
    frame({ ...box, ...left, title, xWords: "layer", yWords: "margin change" }),
    line(LEFT, y.at(0), LEFT + WIDE, y.at(0), "axis"),
    changes.map((change, layer) => (isNumber(change.value) ? point(change, x.at(layer), y) : "")),
    scatter(changes, propensities, rho, box),
  ];
}

function point(change, x, y) {
  const { colour, draw: mark } = stateOf(change);
  return [upright(y, change, x, colour), mark(x, y.at(change.value))];
}

function scatter(changes, propensities, rho, box) {
  const both = changes.flatMap(({ value }, layer) =>
    isNumber(value) && isNumber(propensities[layer]) ? [[propensities[layer], value]] : [],
  );
  if (both.length === 0) return "";
  const most = roundAround([0, ...both.map(([across]) => across)], 4)[1];
  const x = linear([-0.03 * most, 1.03 * most], [RIGHT, RIGHT + SQUARE], 4);
  const title = `ρ = ${withInterval(rho)}`;
  return [
    frame({ ...box, left: RIGHT, width: SQUARE, x, title, xWords: "|ln EAVSS|" }),
    line(RIGHT, box.y.at(0), RIGHT + SQUARE, box.y.at(0), "axis"),
    both.map(([across, up]) => dot("circle", x.at(across), box.y.at(up), `${series(0)} fill`, 3.5)),
  ];
}

function thousandths(value) {
  return fixed(value, 3);
}

export function tables(panels) {
  const head = [
    "model, dataset",
    "pairs",
    "margin, nats a token",
    "ρ of |ln EAVSS|",
    "ρ of the probe's AUROC",
    "layers above 0",
  ];
  const lines = panels.map((panel) => [
    `${panel.label}, ${panel.dataset}`,
    panel.pairs,
    withInterval(panel.whole, thousandths),
    withInterval(panel.rho),
    withInterval(panel.probe),
    panel.changes.filter(({ low }) => isNumber(low) && low > 0).length,
  ]);
  const most = Math.max(...panels.map(({ changes }) => changes.length));
  const layers = range(0, most - 1).map((layer) => [
    layer,
    ...panels.flatMap(({ changes, propensities }) => [
      withInterval(changes[layer] ?? {}, thousandths),
      thousandths(propensities[layer]),
    ]),
  ]);
  return [
    "Spearman's ρ over layers with margin change, and how many layers have an interval above 0: without them right answers gain.",
    table(head, lines),
    "By layer, margin change in nats a token and |ln EAVSS|:",
    table(["layer", ...panels.flatMap(({ label, dataset }) => [`${label}, ${dataset}`, "|ln EAVSS|"])], layers, 0),
  ];
}
