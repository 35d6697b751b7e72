// Where AVSS goes wrong: magnitudes grow with depth, and what costs most is not what varies most.
import { measuredText, methodOf, valuesOf } from "../lib/evidence.mjs";
import { frame } from "../lib/frame.mjs";
import { dot, legend, lineEntry } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { fixed, significant } from "../lib/numbers.mjs";
import { layerTicks, linear, logarithmic, powersAround } from "../lib/scale.mjs";
import { isNumber, spearman } from "../lib/statistics.mjs";
import { figure, line, path, text } from "../lib/svg.mjs";
import { GREY, series } from "../lib/theme.mjs";

export const name = "avss";
export const title = "Where AVSS goes wrong";

const LEFT = 64;
const WIDE = 360;
const SQUARE = 210;
const RIGHT = 480;
/** Loss changes below this are drawn here, hollow. */
const FLOOR = 0.01;
const LINES = [
  { key: "largest", words: "largest magnitude", classes: `${GREY} line dotted` },
  { key: "rms", words: "RMS", classes: `${series(4)} line dashed` },
  { key: "avss", words: "AVSS", classes: `${series(0)} line` },
];

export function compute({ models }) {
  const shown = models.flatMap((model) => {
    const chosen = measuredText(model);
    return chosen === undefined || methodOf(chosen.report, "avss") === undefined ? [] : [modelOf(model, chosen)];
  });
  return shown.length === 0 ? null : shown;
}

function modelOf({ label }, { report, label: textLabel }) {
  const taps = report.scoring.statistics.map(({ taps: each }) => each.output ?? null);
  const rank = (id) => methodOf(report, id).layers.map((layer) => layer.rank ?? null);
  const [avss, change] = ["avss", "loss_change"].map((id) => valuesOf(report, id));
  return {
    label,
    text: textLabel,
    rms: taps.map((tap) => tap?.rms ?? null),
    largest: taps.map((tap) => tap?.max_abs ?? null),
    kurtosis: taps.map((tap) => tap?.kurtosis ?? null),
    avss,
    change,
    ranks: { avss: rank("avss"), change: rank("loss_change") },
    rho: spearman(avss, change),
  };
}

export function draw(models) {
  const words = {
    title,
    subtitle:
      "Left: magnitudes in what leaves each block, and AVSS; below them the loss measured without the block. " +
      "Right: each layer's rank by AVSS against its rank by loss change, 1 the first to go; on the diagonal they agree.",
    description: models.map(({ label, rho }) => `${label}: ρ of AVSS with loss change ${fixed(rho)}.`).join(" "),
  };
  return figure(words, (top) => {
    const entries = [
      ...LINES.map(({ classes, words: said }) => lineEntry(classes, said)),
      { mark: (x, y) => dot("circle", x, y, `${series(1)} fill`, 3.5), words: "loss change" },
      { mark: (x, y) => dot("circle", x, y, `${series(1)} hollow`, 3.5), words: `below ${FLOOR} nats` },
    ];
    const head = legend(entries, top);
    let y = head.bottom + 24;
    const body = [head.body];
    for (const model of models) {
      body.push(drawModel(model, y));
      y += SQUARE + 70;
    }
    return { body, bottom: y - 28 };
  });
}

function drawModel(model, top) {
  const layers = model.avss.length;
  const x = linear([-0.5, layers - 0.5], [LEFT, LEFT + WIDE]);
  const ticks = layerTicks(layers, 16);
  const [upper, lower] = [118, 76];
  const below = top + upper + 16;
  const positive = LINES.flatMap(({ key }) => model[key]).filter((value) => isNumber(value) && value > 0);
  const y = logarithmic(powersAround(positive), [top + upper, top], 4);
  const changes = model.change.filter((value) => isNumber(value) && value > FLOOR);
  const domain = changes.length === 0 ? [FLOOR, 1] : [FLOOR, powersAround(changes)[1]];
  const loss = logarithmic([FLOOR / 1.6, domain[1]], [below + lower, below], 3);
  const box = { left: LEFT, width: WIDE, x, xTicks: ticks };
  return [
    frame({ ...box, top, height: upper, y, title: `${model.label}, ${model.text}`, hasX: false }),
    LINES.map(({ key, classes }) => path(points(model[key], x, y), classes)),
    frame({ ...box, top: below, height: lower, y: loss, xWords: "layer", yWords: "nats" }),
    model.change.map((value, layer) => change(value, x.at(layer), loss, below + lower)),
    scatter(model, top),
  ];
}

function points(values, x, y) {
  return values.map((value, layer) => (isNumber(value) && value > 0 ? [x.at(layer), y.at(value)] : null));
}

function change(value, x, y, bottom) {
  if (!isNumber(value)) return "";
  const isLow = value < FLOOR;
  const at = y.at(Math.max(value, FLOOR));
  return [
    line(x, bottom, x, at, `${series(1)} thin`),
    dot("circle", x, at, `${series(1)} ${isLow ? "hollow" : "fill"}`, 3.5),
  ];
}

function scatter({ ranks, rho, avss }, top) {
  const most = avss.length;
  const x = linear([0, most + 1], [RIGHT, RIGHT + SQUARE]);
  const y = linear([0, most + 1], [top + SQUARE, top]);
  const words = { xWords: "rank by loss change", yWords: "rank by AVSS" };
  const inside = (scale) => ({ ...scale, ticks: scale.ticks.filter((tick) => Number.isInteger(tick) && tick > 0) });
  return [
    frame({ left: RIGHT, top, width: SQUARE, height: SQUARE, x: inside(x), y: inside(y), ...words }),
    line(x.at(0), y.at(0), x.at(most + 1), y.at(most + 1), "axis dashed"),
    ranks.avss.map((rank, layer) =>
      isNumber(rank) && isNumber(ranks.change[layer])
        ? dot("circle", x.at(ranks.change[layer]), y.at(rank), `${series(0)} fill`, 3.5)
        : "",
    ),
    text(RIGHT, top - 8, `ρ = ${fixed(rho)}`, "strong"),
  ];
}

export function tables(models) {
  const head = ["layer", "loss change", "AVSS", "RMS", "largest", "kurtosis", "rank, loss change", "rank, AVSS"];
  return models.flatMap((model) => [
    `${model.label}, ${model.text}: Spearman's ρ of AVSS with loss change is ${fixed(model.rho)}. Magnitudes are of what leaves the block; loss change is in nats a token.`,
    table(
      head,
      model.avss.map((avss, layer) => [
        layer,
        fixed(model.change[layer], 3),
        significant(avss),
        significant(model.rms[layer]),
        significant(model.largest[layer]),
        significant(model.kurtosis[layer]),
        model.ranks.change[layer] ?? "–",
        model.ranks.avss[layer] ?? "–",
      ]),
      0,
    ),
  ]);
}
