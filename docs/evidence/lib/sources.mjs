// What the evidence rests on: a line for each report.
import { table } from "./markdown.mjs";
import { fixed } from "./numbers.mjs";

export function reportTable({ models }, reports) {
  const order = models.map(({ id }) => id);
  const sorted = [...reports].sort((a, b) => order.indexOf(a.model) - order.indexOf(b.model));
  const label = (id) => models[order.indexOf(id)].label;
  const rows = sorted.map(({ file, model, report }) => [
    label(model),
    `[${file}](reports/${file})`,
    report.experiment,
    of(report),
    report.model.layers,
    `${fixed(report.model.parameters / 1e6, 1)} M`,
    `${report.program.name} ${report.program.version}`,
  ]);
  return [
    "Made by `node docs/evidence/figures.mjs`; change reports, not this file. Brackets hold 95 % intervals.",
    table(["model", "report", "experiment", "of", "layers", "weights", "written by"], rows, 4),
  ];
}

function of({ scoring, hallucination, repair }) {
  if (scoring) return `${scoring.data.sequences} sequences, ${scoring.data.tokens} tokens`;
  if (hallucination) return `${hallucination.datasets.reduce((total, { pairs }) => total + pairs, 0)} pairs`;
  return repair ? `${repair.split.train} pairs trained on, ${repair.split.test} questions judged` : "–";
}
