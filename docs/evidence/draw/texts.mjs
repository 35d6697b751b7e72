// How much the calibration text moves the choice of layers.
import { methodOf } from "../lib/evidence.mjs";
import { legend, lineEntry, modelEntries } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { fixed } from "../lib/numbers.mjs";
import { rowPlot } from "../lib/rows.mjs";
import { isNumber, mean, overlap, pairs } from "../lib/statistics.mjs";
import { figure } from "../lib/svg.mjs";

export const name = "texts";
export const title = "How much the calibration text moves the choice";

export function compute({ models, methods }) {
  const several = models.map((model) => ({ ...model, texts: scored(model) })).filter(({ texts }) => texts.length > 1);
  const rows = methods
    .filter(({ role }) => role === "ranking")
    .map(({ id, label }) => ({ label, cells: several.map((model) => cellOf(model, id)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== null));
  if (rows.length === 0) return null;
  return { models: several, rows, chances: several.map(({ texts, layers }) => lowestOf(texts[0]) / layers) };
}

function scored({ texts }) {
  const same = texts.filter(({ report }) => report.scoring !== null && report.scoring !== undefined);
  return same.filter((text) => lowestOf(text) === lowestOf(same[0]));
}

function lowestOf({ report }) {
  return report.scoring.scores.lowest;
}

function cellOf({ texts }, id) {
  const having = texts.filter(({ report }) => methodOf(report, id) !== undefined);
  const shares = pairs(having).map(([a, b]) => overlap(lowestLayers(a, id), lowestLayers(b, id)));
  if (shares.length === 0) return null;
  return { value: mean(shares), low: Math.min(...shares), high: Math.max(...shares), pairs: shares.length };
}

/** The layers of the lowest ranks. */
function lowestLayers({ report }, id) {
  const ranked = methodOf(report, id).layers.filter(({ rank }) => isNumber(rank));
  const count = report.scoring.scores.lowest;
  return ranked.filter(({ rank }) => rank <= count).map(({ layer }) => layer);
}

export function draw({ models, rows, chances }) {
  const marks = rows.flatMap(({ cells }, row) =>
    cells.flatMap((cell, lane) => (cell === null ? [] : [{ ...cell, row, lane, model: models[lane].index }])),
  );
  const lines = [...new Set(chances.map((chance) => Number(chance.toFixed(3))))];
  const words = {
    title,
    subtitle:
      "Share of the lowest quarter of layers by one text that is in the lowest quarter by another: mean over pairs of texts. " +
      "Lines: from the pair that agrees least to the one that agrees most.",
    description: rows
      .map(
        ({ label, cells }) => `${label}: ${cells.map((cell) => (cell === null ? "–" : fixed(cell.value))).join(", ")}.`,
      )
      .join(" "),
  };
  return figure(words, (top) => {
    const entries = [...modelEntries(models), lineEntry("s6 line dashed", "by chance")];
    const { body, bottom } = legend(entries, top);
    const panel = { domain: [0, 1], axis: "overlap of the lowest quarter", lines, marks };
    const plot = rowPlot({ rows, lanes: models.length, panels: [panel] }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

export function tables({ models, rows, chances }) {
  const lines = rows.map(({ label, cells }) => [label, ...cells.map(written)]);
  const note = models.map(({ label, texts, layers }, at) => {
    const names = texts.map((each) => each.label).join(", ");
    return `${label}: ${lowestOf(texts[0])} of ${layers} layers, ${fixed(chances[at])} by chance; texts: ${names}.`;
  });
  return [
    "Overlap of the lowest quarter between two texts: mean over pairs, in brackets the least and the most.",
    note.join(" "),
    table(["method", ...models.map(({ label }) => label)], lines),
  ];
}

function written(cell) {
  return cell === null ? "–" : `${fixed(cell.value)} (${fixed(cell.low)} to ${fixed(cell.high)})`;
}
