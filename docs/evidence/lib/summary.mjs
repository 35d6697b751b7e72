// The evidence in ten questions, each answered with figures of the stored reports: for README.md and the page.
import * as alone from "../draw/alone.mjs";
import * as kept from "../draw/kept.mjs";
import * as largestCut from "../draw/largest-cut.mjs";
import * as located from "../draw/located.mjs";
import * as margins from "../draw/margins.mjs";
import * as repaired from "../draw/repaired.mjs";
import * as texts from "../draw/texts.mjs";
import { correlation, measuredText } from "./evidence.mjs";
import { fixed, percent, points } from "./numbers.mjs";
import { isNumber } from "./statistics.mjs";

/** Cheap scores that are no statistic of AVSS's kind alone: those that one would choose among. */
const CHEAP = ["relative_magnitude", "relative_avss", "angular_distance_1_mean", "block_influence"];

/** `{ question, answer }`, those whose reports are there. */
export function summary(evidence) {
  const { models } = evidence;
  const measured = models.filter(measuredText);
  const plans = kept.compute(evidence);
  const cuts = largestCut.compute(evidence);
  const answers = [
    ["Does AVSS find the layers that a model can do without?", avss(measured)],
    ["Do other cheap scores?", cheap(measured)],
    ["What is kept without a quarter of the layers, as cut?", plans && atQuarter(plans, "cut")],
    ["And healed in closed form (refit)?", plans && atQuarter(plans, "healed")],
    ["How many layers can go while 90 % of perplexity stays?", cuts && mostLayers(cuts)],
    ["Does the choice depend on the calibration text?", overlaps(texts.compute(evidence))],
    ["Do hidden states tell right from wrong answers?", told(located.compute(evidence))],
    ["Does EAVSS find the layers that favour wrong answers?", favoured(margins.compute(evidence))],
    ["Does it matter which layers are repaired?", choices(repaired.compute(evidence))],
    ["Does anything say which layer alone gains by training?", trained(alone.compute(evidence))],
  ];
  return answers.flatMap(([question, answer]) => (answer ? [{ question, answer }] : []));
}

/** "Atlas 0.44, SmolLM2-135M 0.82". */
function each(list, write, between = ", ") {
  const said = list.map((one) => write(one)).filter((one) => one !== null);
  return said.join(between);
}

function avss(models) {
  const said = each(models, (model) => {
    const found = correlation(model, "avss");
    return found === undefined ? null : `${model.label} ${fixed(found.spearman)}`;
  });
  return said && `Rank correlation with the measured loss change: ${said}. 1 is perfect, 0 chance.`;
}

function cheap(models) {
  const said = each(models, (model) => {
    const found = CHEAP.flatMap((id) => correlation(model, id)?.spearman ?? []);
    return found.length === 0 ? null : `${model.label} ${fixed(Math.min(...found))} to ${fixed(Math.max(...found))}`;
  });
  return said && `Relative magnitude, relative AVSS, angular distance and Block Influence: ${said}.`;
}

/** Rows that the sentences about cuts name. */
const NAMED = ["relative AVSS", "Block Influence", "loss change", "AVSS", "last k"];

function atQuarter({ models, rows }, way) {
  const said = each(
    models,
    (model) => {
      const at = models.indexOf(model);
      const found = NAMED.flatMap((name) => {
        const value = rows.find(({ label }) => label === name)?.cells[1][at]?.[way]?.value;
        return isNumber(value) ? [`${name} ${percent(value)} %`] : [];
      });
      return found.length === 0 ? null : `${model.label}: ${found.join("; ")}`;
    },
    ". ",
  );
  return said && `${said}.`;
}

function mostLayers({ models, rows }) {
  const said = each(models, (model) => {
    const cells = rows.map(({ cells: own }) => own[models.indexOf(model)]).filter((cell) => cell !== null);
    const most = (of) => Math.max(...cells.map(of));
    const plus = (count) => (cells.some(({ whole }) => whole === count) ? `${count} or more` : `${count}`);
    const cut = plus(most(({ cut: count }) => count));
    const healed = plus(most(({ healed: count }) => count ?? 0));
    return `${model.label} ${cut} of ${model.layers} as cut, ${healed} healed`;
  });
  return `By the best method: ${said}.`;
}

function overlaps(found) {
  if (found === null) return null;
  const { models, rows, chances } = found;
  const said = each(
    models,
    (model) => {
      const at = models.indexOf(model);
      const own = rows.flatMap(({ label, cells }) => {
        const value = cells[at]?.value;
        return isNumber(value) && (NAMED.includes(label) || label === "loss change")
          ? [`${label} ${fixed(value)}`]
          : [];
      });
      return `${model.label}: ${own.join("; ")} (${fixed(chances[at])} by chance)`;
    },
    ". ",
  );
  return `Overlap of the lowest quarter between texts: ${said}.`;
}

function told(panels) {
  if (panels === null) return null;
  const best = (layers) => Math.max(...layers.map(({ value }) => value ?? 0));
  const said = panels.map(({ label, dataset, whole, length, logProbability }) => {
    const controls = [length, logProbability].filter((one) => one !== null).map(({ value }) => value);
    return `${label} on ${dataset} ${fixed(best(whole))} (${fixed(Math.max(...controls))})`;
  });
  return `AUROC of the best layer's probe, in brackets of length or log-probability alone: ${said.join(", ")}.`;
}

function favoured(panels) {
  if (panels === null) return null;
  const said = panels.map(({ label, dataset, rho }) => `${label} on ${dataset} ${fixed(rho.value)}`);
  return `Rank correlation with margin change, measured by leaving layers out: ${said.join(", ")}.`;
}

function choices(found) {
  if (found === null) return null;
  const said = each(
    found.shown,
    ({ model, runs }) => {
      const metric = found.metrics.find((one) => runs.every((run) => run.found.has(one)));
      const own = metric === undefined ? [] : runs.map((run) => `${run.label} ${points(run.found.get(metric).value)}`);
      return own.length === 0 ? null : `${model.label}: ${own.join("; ")}`;
    },
    ". ",
  );
  return said && `Points of MC1 on held-out questions by layers trained: ${said}.`;
}

function trained(panels) {
  if (panels === null) return null;
  const said = panels.map(({ label, agreement: { eavss, probe, margin_change: margin } }) => {
    const with_margin = margin ? `, margin change ${fixed(margin.value)}` : "";
    return `${label}: EAVSS ${fixed(eavss.value)}, probe ${fixed(probe.value)}${with_margin}`;
  });
  return `Rank correlation with the margin that training each layer alone gains: ${said.join("; ")}.`;
}

const [BEGIN, END] = ["<!-- evidence: made by docs/evidence/figures.mjs -->", "<!-- end of evidence -->"];

/** The text with the answers in the place that it keeps for them. */
export function intoReadme(readme, answers) {
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < begin) return readme;
  const lines = answers.map(({ question, answer }) => `- **${question}** ${answer}`);
  return [readme.slice(0, begin + BEGIN.length), ...lines, readme.slice(end)].join("\n");
}
