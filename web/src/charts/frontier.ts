import * as Plot from "@observablehq/plot";
import type { Metric, Report } from "../generated/types";
import { figure } from "../state/format";

export interface FrontierPoint {
  label: string;
  removed: number[];
  count: number;
  retained: number;
  low: number;
  high: number;
}

/** What every plan's pruned models kept of a metric, from none removed to all that it removes. */
export function frontierPoints(report: Report, dataset: string, metric: Metric): FrontierPoint[] {
  const { pruning } = report;
  if (!pruning) return [];
  return pruning.plans.flatMap((plan) => {
    const whole = { label: plan.label, removed: [], count: 0, retained: 1, low: 1, high: 1 };
    const steps = plan.removed.map((_, index): FrontierPoint | null => {
      const removed = plan.removed.slice(0, index + 1);
      const same = removed.toSorted((a, b) => a - b).join();
      const outcome = pruning.outcomes.find((one) => one.removed.join() === same);
      const compared = outcome?.compared.find(
        (one) => one.dataset === dataset && one.metric === metric,
      );
      if (typeof compared?.retained !== "number") return null;
      return {
        label: plan.label,
        removed,
        count: removed.length,
        retained: compared.retained,
        low: compared.retained_low ?? compared.retained,
        high: compared.retained_high ?? compared.retained,
      };
    });
    const known = steps.filter((step) => step !== null);
    return known.length === 0 ? [] : [whole, ...known];
  });
}

/** Retained against layers removed, a line for each method; `chosen` stands out. */
export function frontierChart(
  points: FrontierPoint[],
  chosen: string,
  what: string,
  width: number,
): SVGElement | HTMLElement {
  const isChosen = (point: FrontierPoint) => point.label === chosen;
  const ends = points.filter((point) => point.count === Math.max(...points.map((p) => p.count)));
  const log = Math.min(...points.map((point) => point.retained)) < 0.05;
  return Plot.plot({
    width,
    height: Math.min(340, 180 + width / 5),
    marginLeft: 52,
    marginRight: Math.min(150, width / 3),
    ariaLabel: `${what} kept, against layers removed, for every method`,
    x: { label: "layers removed", ticks: Math.max(...points.map((point) => point.count)), tickFormat: "d" },
    y: { label: `${what} kept`, grid: true, type: log ? "log" : "linear", ...(log && { tickFormat: ".1~g" }) },
    color: { scheme: "Observable10" },
    marks: [
      Plot.ruleY([1], { strokeDasharray: "2 3" }),
      Plot.line(points, { x: "count", y: "retained", z: "label", stroke: "label", strokeOpacity: 0.55 }),
      Plot.line(points.filter(isChosen), { x: "count", y: "retained", stroke: "label", strokeWidth: 3.5 }),
      Plot.dot(points, {
        x: "count",
        y: "retained",
        fill: "label",
        r: 3.5,
        title: (point: FrontierPoint) =>
          `${point.label}: without ${point.removed.join(", ") || "none"}, ${figure(point.retained)} kept [${figure(point.low)}, ${figure(point.high)}]`,
      }),
      Plot.text(
        ends,
        Plot.dodgeY({ x: "count", y: "retained", text: "label", textAnchor: "start", dx: 8, anchor: "middle" } as Plot.TextOptions),
      ),
    ],
  });
}
