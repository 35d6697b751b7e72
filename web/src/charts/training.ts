import * as Plot from "@observablehq/plot";
import type { CheckRecord, StepRecord } from "../generated/types";
import { figure } from "../state/format";
import { BLUE, GREY, ORANGE } from "./palette";

/** A training, as far as it has come. */
export interface TrainingCurve {
  /** Steps at most. */
  total: number;
  steps: StepRecord[];
  checks: CheckRecord[];
  /** By which share perplexity may rise before the training is rolled back. */
  tolerance: number;
  /** The step whose adapters are kept; none while it goes on. */
  kept: number | null;
}

const FRAME = { height: 190, marginLeft: 50, marginRight: 14, marginBottom: 34 };

function steps(total: number) {
  return { label: "step", domain: [0, total], ticks: 4, tickFormat: "d" };
}

/** The step that is kept. */
function kept({ kept }: TrainingCurve): Plot.Markish[] {
  if (kept === null) return [];
  return [Plot.ruleX([kept], { stroke: BLUE, strokeDasharray: "2 3", title: () => `step ${kept} is kept` })];
}

/** What is minimised, and the objective that is part of it. */
export function lossChart(curve: TrainingCurve, width: number): SVGElement | HTMLElement {
  return Plot.plot({
    ...FRAME,
    width,
    ariaLabel: "loss and objective of every step",
    x: steps(curve.total),
    y: { label: "nats", grid: true, nice: true, zero: true, ticks: 5 },
    marks: [
      Plot.ruleY([0]),
      ...kept(curve),
      Plot.line(curve.steps, { x: "step", y: "objective", stroke: GREY, strokeWidth: 1 }),
      Plot.line(curve.steps, { x: "step", y: "loss", stroke: ORANGE, strokeWidth: 1.6 }),
    ],
  });
}

/** How much likelier factual answers are: in every step, and of the validation pairs at every check. */
export function marginChart(curve: TrainingCurve, width: number): SVGElement | HTMLElement {
  return Plot.plot({
    ...FRAME,
    width,
    ariaLabel: "margin between factual and hallucinated answers",
    x: steps(curve.total),
    y: { label: "nats", grid: true, nice: true, zero: true, ticks: 5 },
    marks: [
      Plot.ruleY([0]),
      ...kept(curve),
      Plot.line(curve.steps, { x: "step", y: "margin", stroke: GREY, strokeWidth: 1 }),
      Plot.line(curve.checks, { x: "step", y: "margin", stroke: BLUE, strokeWidth: 2 }),
      Plot.dot(curve.checks, {
        x: "step",
        y: "margin",
        fill: BLUE,
        r: 4,
        title: (check: CheckRecord) =>
          `after ${check.step} steps: ${figure(check.margin)}; factual likelier in ${figure(check.accuracy * 100)} % of validation pairs`,
      }),
    ],
  });
}

/** Perplexity of neutral text at every check, with the guard's limit. */
export function perplexityChart(curve: TrainingCurve, width: number): SVGElement | HTMLElement {
  const first = curve.checks[0]?.perplexity;
  const limit = first === undefined ? [] : [first * (1 + curve.tolerance)];
  return Plot.plot({
    ...FRAME,
    width,
    ariaLabel: "perplexity of neutral text, and the guard's limit",
    x: steps(curve.total),
    y: { label: "perplexity", grid: true, nice: true, ticks: 5 },
    marks: [
      ...kept(curve),
      Plot.ruleY(limit, { stroke: ORANGE, strokeDasharray: "5 3", strokeWidth: 2 }),
      Plot.line(curve.checks, { x: "step", y: "perplexity", stroke: BLUE, strokeWidth: 2 }),
      Plot.dot(curve.checks, {
        x: "step",
        y: "perplexity",
        fill: BLUE,
        r: 4,
        title: (check: CheckRecord) => `after ${check.step} steps: ${figure(check.perplexity)}`,
      }),
    ],
  });
}
