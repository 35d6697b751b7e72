// What training each layer alone brings, and whether anything said so before.
import { frame } from "../lib/frame.mjs";
import { dot, upright } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { fixed, withInterval } from "../lib/numbers.mjs";
import { layerTicks, linear, range, roundAround } from "../lib/scale.mjs";
import { isNumber } from "../lib/statistics.mjs";
import { figure, line } from "../lib/svg.mjs";
import { GREY, series } from "../lib/theme.mjs";

export const name = "alone";
export const title = "What training each layer alone brings, and whether anything said so before";

const LEFT = 62;
const WIDE = 376;
const RIGHT = 500;
const SQUARE = 196;
const HIGH = 140;

export function compute({ models }) {
  const panels = models.flatMap(({ label, layers, repaired }) =>
    (repaired?.alone ?? []).map((alone) => panelOf(label, layers, repaired, alone)),
  );
  return panels.length === 0 ? null : panels;
}

function panelOf(label, count, { runs, located, margins, held_out_margin: before }, { objective, agreement }) {
  const alone = runs.filter((run) => run.layers.length === 1 && run.objective.kind === objective.kind);
  const layers = range(0, count - 1).map((layer) => {
    const run = alone.find(({ layers: [own] }) => own === layer);
    const said = located[0]?.layers.find((one) => one.layer === layer);
    return {
      gain: run?.margin_gain ?? {},
      propensity: said?.propensity ?? null,
      auroc: said?.auroc.value ?? null,
      change: margins?.layers.find((one) => one.layer === layer)?.per_token ?? {},
    };
  });
  return {
    label,
    objective: objective.kind.replaceAll("_", " "),
    pairs: before?.pairs ?? 0,
    agreement,
    layers,
  };
}

export function draw(panels) {
  const words = {
    title,
    subtitle:
      "Left: by how much the margin of held-out pairs, log p(right) − log p(wrong) in nats a token, rose when this layer alone was trained. Lines: 95 % intervals over pairs. Right: the same against |ln EAVSS|; " +
      "if EAVSS found the layers to train, dots would rise to the right.",
    description: panels
      .map(
        ({ label, agreement }) =>
          `${label}: ρ of |ln EAVSS| with what training brings ${withInterval(agreement.eavss)}.`,
      )
      .join(" "),
  };
  return figure(words, (top) => {
    const start = top + 22;
    return {
      body: panels.map((panel, index) => drawPanel(panel, start + index * (HIGH + 62))),
      bottom: start + panels.length * (HIGH + 62) - 26,
    };
  });
}

function drawPanel({ label, layers, agreement }, top) {
  const ends = layers.flatMap(({ gain: { value, low, high } }) => [value, low, high]).filter(isNumber);
  const y = linear(roundAround([0, ...ends], 4), [top + HIGH, top], 4);
  const x = linear([-0.5, layers.length - 0.5], [LEFT, LEFT + WIDE]);
  const box = { top, height: HIGH, y };
  const most = roundAround([0, ...layers.map(({ propensity }) => propensity).filter(isNumber)], 4)[1];
  const across = linear([-0.03 * most, 1.03 * most], [RIGHT, RIGHT + SQUARE], 4);
  const both = layers.filter(({ gain, propensity }) => isNumber(gain.value) && isNumber(propensity));
  return [
    frame({
      ...box,
      left: LEFT,
      width: WIDE,
      x,
      xTicks: layerTicks(layers.length, 16),
      title: label,
      xWords: "layer",
      yWords: "margin gained",
    }),
    line(LEFT, y.at(0), LEFT + WIDE, y.at(0), "axis"),
    layers.map(({ gain }, layer) => (isNumber(gain.value) ? point(gain, x.at(layer), y) : "")),
    frame({
      ...box,
      left: RIGHT,
      width: SQUARE,
      x: across,
      title: `ρ = ${withInterval(agreement.eavss)}`,
      xWords: "|ln EAVSS|",
    }),
    line(RIGHT, y.at(0), RIGHT + SQUARE, y.at(0), "axis"),
    both.map(({ gain, propensity }) =>
      dot("circle", across.at(propensity), y.at(gain.value), `${series(0)} fill`, 3.5),
    ),
  ];
}

/** Hollow and grey where it cannot be told from 0. */
function point(gain, x, y) {
  const isApart = isNumber(gain.low) && (gain.low > 0 || gain.high < 0);
  const colour = isApart ? series(0) : GREY;
  return [
    upright(y, gain, x, colour),
    dot("circle", x, y.at(gain.value), `${colour} ${isApart ? "fill" : "hollow"}`, 3.5),
  ];
}

function thousandths(value) {
  return fixed(value, 3);
}

export function tables(panels) {
  const lines = panels.map(({ label, objective, pairs, agreement }) => [
    label,
    objective,
    pairs,
    agreement.layers,
    withInterval(agreement.eavss),
    withInterval(agreement.probe),
    withInterval(agreement.margin_change ?? {}),
  ]);
  const most = Math.max(...panels.map(({ layers }) => layers.length));
  const byLayer = range(0, most - 1).map((layer) => [
    layer,
    ...panels.flatMap(({ layers }) => {
      const { gain, propensity, auroc, change } = layers[layer] ?? {
        gain: {},
        change: {},
      };
      return [withInterval(gain, thousandths), thousandths(propensity), fixed(auroc, 2), thousandths(change.value)];
    }),
  ]);
  return [
    "Spearman's ρ over layers of what was said of them on training pairs with what training each alone adds to the margin of held-out pairs.",
    table(["model", "objective", "held-out pairs", "layers", "|ln EAVSS|", "probe's AUROC", "margin change"], lines),
    "By layer, in nats a token but for AUROC:",
    table(
      ["layer", ...panels.flatMap(({ label }) => [`${label}, gain`, "|ln EAVSS|", "AUROC", "margin change"])],
      byLayer,
      0,
    ),
  ];
}
