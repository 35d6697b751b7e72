// How well each score goes with what leaving a layer out costs.
import { correlation, measuredText, pooled } from "../lib/evidence.mjs";
import { dot, legend, modelEntries } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { fixed, withInterval } from "../lib/numbers.mjs";
import { rowPlot } from "../lib/rows.mjs";
import { figure } from "../lib/svg.mjs";

export const name = "correlation";
export const title = "Which scores go with the measured loss change";

export function compute({ models, methods }) {
  const measured = models.filter((model) => measuredText(model) !== undefined);
  const rows = methods
    .map(({ id, label }) => ({
      label,
      points: measured.flatMap((model) => pointOf(model, id)),
      mean: pooled(models, id),
    }))
    .filter(({ points }) => points.length > 0);
  const texts = measured.map((model) => measuredText(model).label);
  return rows.length === 0 ? null : { models: measured, rows, texts };
}

function pointOf(model, id) {
  const found = correlation(model, id);
  if (found === undefined || found.spearman === null) return [];
  return [{ model, value: found.spearman, low: found.low ?? null, high: found.high ?? null }];
}

export function draw({ models, rows }) {
  const isPooled = models.length > 1;
  const lanes = models.length + (isPooled ? 1 : 0);
  const marks = rows.flatMap(({ points, mean }, row) => {
    const dots = points.map(({ model, ...point }) => ({
      ...point,
      row,
      lane: models.indexOf(model),
      model: model.index,
    }));
    return isPooled ? [...dots, { row, lane: models.length, value: mean, draw: diamond }] : dots;
  });
  const entries = [...modelEntries(models), ...(isPooled ? [{ mark: diamond, words: "mean over models" }] : [])];
  const best = rows.map(({ label, mean }) => `${label} ${fixed(mean)}`).join(", ");
  const words = {
    title,
    subtitle:
      "Spearman's ρ between a method's order of layers and the loss measured without each layer. 1: the same order; 0: no relation; " +
      "below 0: what the method would remove first costs most. Lines: 95 % intervals over sequences.",
    description: `Mean over ${models.length === 1 ? "one model" : `${models.length} models`}: ${best}.`,
  };
  return figure(words, (top) => {
    const { body, bottom } = legend(entries, top);
    const panel = { domain: [-1, 1], axis: "Spearman's ρ with loss change", marks };
    const plot = rowPlot({ rows, lanes, panels: [panel] }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

function diamond(x, y) {
  return dot("diamond", x, y, "pool");
}

export function tables({ models, rows, texts }) {
  const head = ["method", ...models.map(({ label }, index) => `${label}, ${texts[index]}`)];
  const cell = (points, model) => withInterval(points.find((point) => point.model === model) ?? {});
  const isPooled = models.length > 1;
  const lines = rows.map(({ label, points, mean }) => [
    label,
    ...models.map((model) => cell(points, model)),
    ...(isPooled ? [fixed(mean)] : []),
  ]);
  return [
    "Spearman's ρ with the measured loss change, with its interval over sequences.",
    table(isPooled ? [...head, "mean"] : head, lines),
  ];
}
