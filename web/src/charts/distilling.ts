import * as Plot from "@observablehq/plot";
import type { DistilCurve } from "../state/pruning.svelte";
import { figure } from "../state/format";
import { BLUE, GREY } from "./palette";

/** How far the pruned model's predictions are from the whole one's: of every step, and of the text that is not learned from. */
export function divergenceChart(curve: DistilCurve, width: number): SVGElement | HTMLElement {
  return Plot.plot({
    height: 190,
    marginLeft: 50,
    marginRight: 14,
    marginBottom: 34,
    width,
    ariaLabel: "divergence from the whole model at every step",
    x: { label: "step", domain: [0, Math.max(curve.total, 1)], ticks: 4, tickFormat: "d" },
    y: { label: "nats per token", grid: true, nice: true, zero: true, ticks: 5 },
    marks: [
      Plot.ruleY([0]),
      Plot.line(curve.steps, { x: "step", y: "divergence", stroke: GREY, strokeWidth: 1 }),
      Plot.line(curve.checks, { x: "step", y: "divergence", stroke: BLUE, strokeWidth: 2 }),
      Plot.dot(curve.checks, {
        x: "step",
        y: "divergence",
        fill: BLUE,
        title: (check: DistilCurve["checks"][number]) => `after ${check.step} steps: ${figure(check.divergence)}`,
      }),
    ],
  });
}
