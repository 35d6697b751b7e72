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

/** The reading that a model's own scores have, where it is not among the others. */
const OWN = "as in the other figures";

export function compute({ models }) {
  const shown = models.flatMap((model) => {
    const points = readingsOf(model);
    return points.length === 0 ? [] : [{ model, points }];
  });
  if (shown.length === 0) return null;
  const labels = [...new Set([OWN, ...shown.flatMap(({ points }) => points.map(({ label }) => label))])];
  const rows = labels.map((label) => ({
    label,
    points: shown.map(({ points }) => points.find((point) => point.label === label) ?? null),
  }));
  const isThere = ({ points }) => points.some((point) => point !== null);
  return { models: shown.map(({ model }) => model), rows: rows.filter(isThere) };
}

function readingsOf(model) {
  const points = model.readings.flatMap(({ name: reading, report }) => {
    const measured = sameText(model, report);
    if (measured === undefined || methodOf(report, "avss") === undefined) return [];
    return [{ label: reading, ...pointOf(report, measured) }];
  });
  const measured = measuredText(model);
  if (points.length === 0 || methodOf(measured.report, "avss") === undefined) return points;
  const own = { label: OWN, ...pointOf(measured.report, measured) };
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
  const isSame = report.scoring.data.sha256 === measured.report.scoring.data.sha256;
  const text = isSame ? measured.label : `${measured.label} (AVSS of another text)`;
  return { value, settings: readingName(report.scoring.options.score), text };
}

export function draw({ models, rows }) {
  const marks = rows.flatMap(({ points }, row) =>
    points.flatMap((point, lane) =>
      point === null ? [] : [{ value: point.value, row, lane, model: models[lane].index }],
    ),
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
    const plot = rowPlot({ rows: rows.map(withSettings), lanes: models.length, panels: [panel] }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

function settingsOf({ points }) {
  return [...new Set(points.flatMap((point) => (point === null ? [] : [point.settings])))];
}

function withSettings(row) {
  const settings = settingsOf(row);
  return settings.length === 1 ? { label: row.label, note: settings[0] } : { label: row.label };
}

export function tables({ models, rows }) {
  const lines = rows.map((row) => [
    row.label,
    settingsOf(row).join("; "),
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
