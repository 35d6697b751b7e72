// How many layers can go while nine tenths of perplexity stay.
import { LABELS, rowHeight, rowLabels } from "../lib/labels.mjs";
import { table } from "../lib/markdown.mjs";
import { legend } from "../lib/marks.mjs";
import { healedCut, keptAsCut, planOf, planRows, prunedText } from "../lib/plans.mjs";
import { range } from "../lib/scale.mjs";
import { WIDTH, figure, line, rect, text } from "../lib/svg.mjs";
import { series } from "../lib/theme.mjs";

export const name = "largest-cut";
export const title = "How many layers can go while 90 % stays";

const KEEP = 0.9;
const GAP = 30;

export function compute({ models, methods }) {
  const pruned = models.filter((model) => prunedText(model) !== undefined);
  if (pruned.length === 0) return null;
  const rows = planRows(pruned, methods).map(({ key, label }) => ({
    label,
    cells: pruned.map((model) => cellOf(prunedText(model).report.pruning, key)),
  }));
  return { models: pruned, rows };
}

function cellOf(pruning, key) {
  const plan = planOf(pruning, key);
  if (plan === undefined) return null;
  const whole = plan.removed.length;
  const keeps = (count) => (keptAsCut(pruning, plan, count)?.value ?? 0) >= KEEP;
  const cut = range(1, whole).findLast(keeps) ?? 0;
  const healing = pruning.healing ?? null;
  const isSame = healing?.request.keep === KEEP && (healing.request.keep_of ?? null) === null;
  return { whole, cut, healed: isSame ? (healedCut(healing, plan)?.layers ?? null) : null };
}

export function draw({ models, rows }) {
  const words = {
    title,
    subtitle:
      "The most first layers of each method's order that can be removed with at least 90 % of perplexity kept. A + marks the whole plan: more " +
      "might go.",
    description: models
      .map(({ label }, at) => `${label}: ${rows.map((row) => `${row.label} ${said(row.cells[at])}`).join(", ")}.`)
      .join(" "),
  };
  const isHealed = rows.some(({ cells }) => cells.some((cell) => cell !== null && cell.healed !== null));
  const bar = (classes) => (x, y) => rect(x - 9, y - 5, 18, 10, classes);
  const entries = [
    { mark: bar(`${series(0)} fill`), words: "as cut" },
    ...(isHealed ? [{ mark: bar(`${series(4)} fill`), words: "healed by refit" }] : []),
  ];
  return figure(words, (top) => {
    const head = legend(entries, top);
    const body = [head.body];
    let y = head.bottom + 10;
    const height = Math.max(...rows.map((row) => rowHeight(row)));
    const columns = models.length === 4 ? 2 : Math.min(3, models.length);
    for (let first = 0; first < models.length; first += columns) {
      const shown = range(first, Math.min(first + columns, models.length) - 1);
      const start = y + 32;
      const place = { start, height, columns };
      body.push(rowLabels(rows, start, height));
      body.push(shown.map((at, column) => drawModel(models[at], rows, at, { ...place, column })));
      y = start + rows.length * height + 44;
    }
    return { body, bottom: y - 12 };
  });
}

function drawModel({ label, layers }, rows, at, { start, height, column, columns }) {
  const width = (WIDTH - 40 - LABELS - GAP * (columns - 1)) / columns;
  const left = LABELS + column * (width + GAP);
  const most = Math.max(...rows.map(({ cells }) => cells[at]?.whole ?? 0));
  const end = start + rows.length * height;
  const x = (count) => left + (count / most) * width;
  const step = Math.ceil(most / (columns === 1 ? 12 : 6));
  const ticks = range(0, most).filter((count) => count % step === 0);
  return [
    text(left, start - 22, label, "strong"),
    text(left, start - 7, `of ${layers} layers`, "small soft"),
    ticks.map((count) => [
      line(x(count), start, x(count), end, count === 0 ? "axis" : "grid"),
      text(x(count), end + 16, count, "middle small soft"),
    ]),
    rows.map(({ cells }, row) => (cells[at] === null ? "" : bars(cells[at], x, start + (row + 0.5) * height - 11))),
  ];
}

function bars({ whole, cut, healed }, x, top) {
  const one = (count, y, height, classes) => [
    rect(x(0), y, Math.max(x(count) - x(0), 1.5), height, classes),
    text(Math.max(x(count), x(0) + 1.5) + 4, y + height / 2 + 3.5, plus(count, whole), "small soft"),
  ];
  if (healed === null) return one(cut, top + 6, 10, `${series(0)} fill`);
  return [one(cut, top + 2, 8, `${series(0)} fill`), one(healed, top + 12, 8, `${series(4)} fill`)];
}

function plus(count, whole) {
  if (count === null) return "–";
  return count === whole ? `${count}+` : String(count);
}

function said(cell) {
  if (cell === null) return "not tried";
  return cell.healed === null
    ? plus(cell.cut, cell.whole)
    : `${plus(cell.cut, cell.whole)} (healed ${plus(cell.healed, cell.whole)})`;
}

export function tables({ models, rows }) {
  const head = ["method", ...models.flatMap(({ label, layers }) => [`${label} (${layers}), as cut`, "healed"])];
  const lines = rows.map(({ label, cells }) => [
    label,
    ...cells.flatMap((cell) =>
      cell === null ? ["–", "–"] : [plus(cell.cut, cell.whole), plus(cell.healed, cell.whole)],
    ),
  ]);
  return [
    "Most first removals that keep at least 90 % of perplexity, in brackets the model's layers. + is the whole plan; – could not be healed, or was not tried.",
    table(head, lines),
  ];
}
