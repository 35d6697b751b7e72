// What is kept after removing a tenth and a quarter of the layers.
import { dot, legend, modelEntries } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { datasetName } from "../lib/names.mjs";
import { percent, withInterval } from "../lib/numbers.mjs";
import { countAt, judgedOn, keptAsCut, keptHealed, planOf, planRows, prunedText } from "../lib/plans.mjs";
import { rowPlot } from "../lib/rows.mjs";
import { figure } from "../lib/svg.mjs";

export const name = "kept";
export const title = "What is kept after removing layers";

const SHARES = [0.1, 0.25];

export function compute({ models, methods }) {
  const pruned = models.filter((model) => prunedText(model) !== undefined);
  if (pruned.length === 0) return null;
  const rows = planRows(pruned, methods).map(({ key, label }) => ({
    label,
    cells: SHARES.map((share) => pruned.map((model) => cellOf(model, key, share))),
  }));
  const datasets = pruned.map((model) => judgedOn(prunedText(model).report.pruning));
  return { models: pruned, rows, datasets };
}

function cellOf({ layers, ...model }, key, share) {
  const { pruning } = prunedText(model).report;
  const plan = planOf(pruning, key);
  const count = plan === undefined ? null : countAt(share, plan, pruning, layers);
  if (count === null) return null;
  const cut = keptAsCut(pruning, plan, count);
  return cut === null ? null : { count, cut, healed: keptHealed(pruning, plan, count) };
}

export function draw({ models, rows }) {
  const marksOf = (panel) =>
    rows.flatMap(({ cells }, row) =>
      cells[panel].flatMap((cell, at) => {
        if (cell === null) return [];
        const common = { row, model: models[at].index };
        return [
          { ...common, ...cell.cut, lane: at, shift: -2.5, isHollow: true },
          ...(cell.healed === null ? [] : [{ ...common, ...cell.healed, lane: at, shift: 2.5 }]),
        ];
      }),
    );
  const marks = SHARES.map((_, panel) => marksOf(panel));
  const most = Math.max(1, ...marks.flat().map(({ value, high }) => high ?? value));
  const panels = SHARES.map((share, panel) => ({
    title: `−${100 * share} % of layers`,
    domain: [0, Math.ceil(most * 10 - 1e-9) / 10],
    axis: "perplexity kept",
    write: (tick) => `${Math.round(100 * tick)} %`,
    marks: marks[panel],
  }));
  const ways = [
    { mark: (x, y) => dot("circle", x, y, "s6 hollow"), words: "as cut" },
    { mark: (x, y) => dot("circle", x, y, "s6 fill"), words: "healed by refit" },
  ];
  const isHealed = rows.some(({ cells }) => cells.flat().some((cell) => cell?.healed));
  const words = {
    title,
    subtitle:
      "Perplexity of the whole model over that of the model without the first layers that each method removes. Lines: 95 % intervals over windows. " +
      "Healed values are at the end of plans; some methods leave nothing to heal.",
    description: describe(models, rows),
  };
  return figure(words, (top) => {
    const { body, bottom } = legend([...modelEntries(models), ...(isHealed ? ways : ways.slice(0, 1))], top);
    const plot = rowPlot({ rows, lanes: models.length, panels }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

function describe(models, rows) {
  const said = models.map(({ label }, at) => {
    const each = rows.flatMap((row) => {
      const cell = row.cells[1][at];
      return cell === null ? [] : [`${row.label} ${percent(cell.cut.value)} %`];
    });
    return `${label}, a quarter removed, as cut: ${each.join(", ")}.`;
  });
  return said.join(" ");
}

export function tables({ models, rows, datasets }) {
  const head = ["method", ...SHARES.flatMap((share) => [`−${100 * share} %`, "healed"])];
  return models.flatMap(({ label, layers }, at) => {
    const counts = SHARES.map((_, panel) => rows.map(({ cells }) => cells[panel][at]?.count).find(Boolean) ?? "–");
    const lines = rows
      .filter(({ cells }) => cells.some((cell) => cell[at] !== null))
      .map((row) => [
        row.label,
        ...SHARES.flatMap((_, panel) => [written(row.cells[panel][at]?.cut), written(row.cells[panel][at]?.healed)]),
      ]);
    return [
      `${label}: perplexity kept on ${datasetName(datasets[at])} in %, without ${counts.join(" and ")} of ${layers} layers, as cut and healed by refit.`,
      table(head, lines),
    ];
  });
}

function written(cell) {
  return withInterval(cell ?? {}, percent);
}
