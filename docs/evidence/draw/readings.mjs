// Whether another reading of AVSS's definition goes better with loss change.
import { measuredText, methodOf, valuesOf } from "../lib/evidence.mjs";
import { legend, modelEntries } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { readingName } from "../lib/names.mjs";
import { fixed } from "../lib/numbers.mjs";
import { rowPlot } from "../lib/rows.mjs";
import { spearman } from "../lib/statistics.mjs";
import { figure } from "../lib/svg.mjs";

export const name = "readings";
export const title = "AVSS under other readings of its definition";

export function compute({ models }) {
  const shown = models.flatMap((model) => {
    const points = readingsOf(model);
    return points.length === 0 ? [] : [{ model, points }];
  });
  if (shown.length === 0) return null;
  const labels = [...new Set(shown.flatMap(({ points }) => points.map(({ label }) => label)))];
  // As scored comes last in a model's list, and so at the end.
  const rows = labels.map((label) => ({
    label,
    points: shown.map(({ points }) => points.find((point) => point.label === label) ?? null),
  }));
  return { models: shown.map(({ model }) => model), rows };
}

function readingsOf(model) {
  const points = model.readings.flatMap(({ name: reading, report }) => {
    const measured = sameText(model, report);
    if (measured === undefined || methodOf(report, "avss") === undefined) return [];
    return [{ label: reading, ...pointOf(report, measured) }];
  });
  const measured = measuredText(model);
  if (points.length === 0 || methodOf(measured.report, "avss") === undefined) return points;
  const own = { label: "as in the other figures", ...pointOf(measured.report, measured) };
  return points.some(({ settings }) => settings === own.settings) ? points : [...points, own];
}

/** The report with loss change on the text that a reading is of; the first with loss change where there is none. */
function sameText(model, report) {
  const isMeasured = (text) => measuredText({ texts: [text] }) !== undefined;
  const same = (text) => text.report.scoring?.data.sha256 === report.scoring.data.sha256;
  return model.texts.find((text) => isMeasured(text) && same(text)) ?? measuredText(model);
}

function pointOf(report, measured) {
  const value = spearman(valuesOf(report, "avss"), valuesOf(measured.report, "loss_change"));
  return { value, settings: readingName(report.scoring.options.score), text: measured.label };
}

export function draw({ models, rows }) {
  const marks = rows.flatMap(({ points }, row) =>
    points.flatMap((point, lane) => (point === null ? [] : [{ value: point.value, row, lane, model: models[lane].index }])),
  );
  const words = {
    title,
    subtitle:
      "Spearman's ρ of AVSS with the measured loss change, under each reading of how variance is estimated and what counts as near zero.",
    description: rows
      .map(({ label, points }) => `${label}: ${points.map((point) => fixed(point?.value)).join(", ")}.`)
      .join(" "),
  };
  return figure(words, (top) => {
    const { body, bottom } = legend(modelEntries(models), top);
    const panel = { domain: [-1, 1], axis: "Spearman's ρ of AVSS with loss change", marks };
    const plot = rowPlot({ rows: rows.map(({ label }) => label), lanes: models.length, panels: [panel] }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

export function tables({ models, rows }) {
  const settings = ({ points }) => [...new Set(points.flatMap((point) => (point === null ? [] : [point.settings])))];
  const lines = rows.map((row) => [
    row.label,
    settings(row).join("; "),
    ...row.points.map((point) => fixed(point?.value)),
  ]);
  const texts = models.map(({ label }, at) => {
    const names = rows.flatMap(({ points }) => (points[at] === null ? [] : [points[at].text]));
    return `${label} on ${[...new Set(names)].join(", ")}`;
  });
  return [
    `Spearman's ρ of AVSS with loss change by reading (estimator of variance, threshold, place): ${texts.join("; ")}.`,
    table(["reading", "settings", ...models.map(({ label }) => label)], lines, 2),
  ];
}
