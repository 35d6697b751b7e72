// What training adapters on chosen layers changes on held-out questions.
import { legend, modelEntries } from "../lib/marks.mjs";
import { table } from "../lib/markdown.mjs";
import { choiceName } from "../lib/names.mjs";
import { points, withInterval } from "../lib/numbers.mjs";
import { rowPlot } from "../lib/rows.mjs";
import { roundAround } from "../lib/scale.mjs";
import { isNumber } from "../lib/statistics.mjs";
import { figure } from "../lib/svg.mjs";

export const name = "repaired";
export const title = "What repairing chosen layers changes";

const METRICS = { mc1: "MC1", accuracy: "accuracy" };

export function compute({ models }) {
  const shown = models.flatMap((model) => {
    const metric = metricOf(model.repaired?.runs ?? []);
    return metric === undefined ? [] : [{ model, metric, runs: runsOf(model.repaired, metric) }];
  });
  if (shown.length === 0) return null;
  const labels = [...new Set(shown.flatMap(({ runs }) => runs.map(({ label }) => label)))];
  return { shown, labels };
}

/** The first of the metrics that the runs have. */
function metricOf(runs) {
  const all = runs.flatMap(({ pooled }) => pooled.map(({ metric }) => metric));
  return Object.keys(METRICS).find((metric) => all.includes(metric));
}

function runsOf({ runs }, metric) {
  const isOne = new Set(runs.map(({ objective }) => objective.kind)).size === 1;
  return runs.flatMap(({ choice, layers, objective, pooled }) => {
    const found = pooled.find((each) => each.metric === metric);
    if (found === undefined) return [];
    const label = choiceName(choice) + (isOne ? "" : `, ${objective.kind.replaceAll("_", " ")}`);
    const { difference: value, difference_low: low, difference_high: high, units, significance } = found;
    return [{ label, layers, value, low, high, units, isSignificant: significance?.significant ?? false }];
  });
}

export function draw({ shown, labels }) {
  const marks = shown.flatMap(({ model, runs }, lane) =>
    runs.map(({ label, value, low, high }) => ({
      row: labels.indexOf(label),
      lane,
      value,
      low,
      high,
      model: model.index,
    })),
  );
  const ends = marks.flatMap(({ value, low, high }) => [value, low, high]).filter(isNumber);
  const domain = roundAround([0, 0.01, -0.01, ...ends], 5);
  const metrics = [...new Set(shown.map(({ metric }) => METRICS[metric]))].join(" or ");
  const words = {
    title,
    subtitle: `Change of ${metrics} on held-out questions by which layers were trained, in points of percent. Lines: 95 % intervals over questions.`,
    description: shown
      .map(
        ({ model, runs }) =>
          `${model.label}: ${runs.map(({ label, value }) => `${label} ${points(value)}`).join(", ")}.`,
      )
      .join(" "),
  };
  return figure(words, (top) => {
    const named = shown.map(({ model, metric }) => ({ ...model, label: `${model.label}, ${METRICS[metric]}` }));
    const { body, bottom } = legend(modelEntries(named), top);
    const panel = {
      domain,
      axis: `change of ${metrics}, points`,
      write: (tick) => points(tick).replace(".0", ""),
      marks,
    };
    const plot = rowPlot({ rows: labels.map((label) => ({ label })), lanes: shown.length, panels: [panel] }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

export function tables({ shown }) {
  return shown.flatMap(({ model, metric, runs }) => [
    `${model.label}: change of ${METRICS[metric]} on ${runs[0]?.units ?? 0} held-out questions, in points of percent. A * is significant after Holm's correction.`,
    table(
      ["layers chosen by", "layers", "change"],
      runs.map((run) => [
        run.label,
        run.layers.join(", "),
        withInterval(run, points) + (run.isSignificant ? " *" : ""),
      ]),
      2,
    ),
  ]);
}
