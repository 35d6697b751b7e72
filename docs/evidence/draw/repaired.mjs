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

/** What is shown of a metric, and how: rates in points, perplexity as the share that is kept less all of it. */
const METRICS = {
  mc1: { label: "MC1", of: difference },
  accuracy: { label: "accuracy", of: difference },
  exact_match: { label: "free answers right", of: difference },
  perplexity: { label: "perplexity kept", of: lost },
};

function difference({ difference: value, difference_low: low, difference_high: high }) {
  return { value, low, high };
}

function lost({ retained: value, retained_low: low, retained_high: high }) {
  const less = (share) => (isNumber(share) ? share - 1 : null);
  return { value: less(value), low: less(low), high: less(high) };
}

export function compute({ models }) {
  const shown = models.flatMap((model) => {
    const runs = runsOf(model.repaired);
    return runs.length === 0 ? [] : [{ model, runs }];
  });
  if (shown.length === 0) return null;
  const labels = [...new Set(shown.flatMap(({ runs }) => runs.map(({ label }) => label)))];
  const all = new Set(shown.flatMap(({ runs }) => runs.flatMap(({ found }) => [...found.keys()])));
  return {
    shown,
    labels,
    metrics: Object.keys(METRICS).filter((metric) => all.has(metric)),
  };
}

/** The choices of layers, without those that were trained alone to be set beside scores. */
function runsOf(repaired) {
  const alone = repaired?.alone ?? [];
  const isAlone = ({ layers, objective }) =>
    layers.length === 1 && alone.some((one) => one.objective.kind === objective.kind);
  const runs = (repaired?.runs ?? []).filter((run) => !isAlone(run));
  const isOne = new Set(runs.map(({ objective }) => objective.kind)).size === 1;
  return runs.map(({ choice, layers, objective, pooled, margin_gain: margin }) => {
    const label = choiceName(choice) + (isOne ? "" : `, ${objective.kind.replaceAll("_", " ")}`);
    const known = pooled.filter(({ metric }) => metric in METRICS);
    const found = known.map((each) => [
      each.metric,
      {
        ...METRICS[each.metric].of(each),
        units: each.units,
        isSignificant: each.significance?.significant ?? false,
      },
    ]);
    return { label, layers, margin: margin ?? {}, found: new Map(found) };
  });
}

export function draw({ shown, labels, metrics }) {
  const words = {
    title,
    subtitle: "Change on held-out questions by which layers were trained, in points of percent. Lines: 95 % intervals.",
    description: shown.map(described).join(" "),
  };
  return figure(words, (top) => {
    const { body, bottom } = legend(modelEntries(shown.map(({ model }) => model)), top);
    const panels = metrics.map((metric) => panelOf(metric, shown, labels));
    const plot = rowPlot({ rows: labels.map((label) => ({ label })), lanes: shown.length, panels }, bottom);
    return { body: [body, plot.body], bottom: plot.bottom };
  });
}

function described({ model, runs }) {
  const said = runs.map(({ label, found }) => {
    const changes = [...found].map(([metric, { value }]) => `${METRICS[metric].label} ${points(value)}`);
    return `${label} ${changes.join(", ")}`;
  });
  return `${model.label}: ${said.join("; ")}.`;
}

function panelOf(metric, shown, labels) {
  const marks = shown.flatMap(({ model, runs }, lane) =>
    runs.map(({ label, found }) => ({
      ...(found.get(metric) ?? {}),
      row: labels.indexOf(label),
      lane,
      model: model.index,
    })),
  );
  const ends = marks.flatMap(({ value, low, high }) => [value, low, high]).filter(isNumber);
  return {
    title: METRICS[metric].label,
    domain: roundAround([0, 0.01, -0.01, ...ends], 5),
    write: (tick) => points(tick).replace(".0", ""),
    marks,
  };
}

export function tables({ shown, metrics }) {
  return shown.flatMap(({ model, runs }) => {
    const own = metrics.filter((metric) => runs.some(({ found }) => found.has(metric)));
    const units = Math.max(
      0,
      ...own.filter((metric) => metric !== "perplexity").map((metric) => runs[0].found.get(metric)?.units ?? 0),
    );
    const cell = (change) =>
      change === undefined ? "–" : withInterval(change, points) + (change.isSignificant ? " *" : "");
    return [
      `${model.label}: change on ${units} held-out questions, in points of percent; of the margin in nats a token. A * is significant after Holm's correction.`,
      table(
        ["layers chosen by", "layers", ...own.map((metric) => METRICS[metric].label), "margin"],
        runs.map(({ label, layers, margin, found }) => [
          label,
          layers.length === model.layers ? "all" : layers.join(", "),
          ...own.map((metric) => cell(found.get(metric))),
          withInterval(margin),
        ]),
        2,
      ),
    ];
  });
}
