import * as Plot from "@observablehq/plot";
import type { Metric, Report } from "../generated/types";
import { figure } from "../state/format";
import { GREY, LINES } from "./palette";

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
      const compared = outcome?.compared.find((one) => one.dataset === dataset && one.metric === metric);
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

/** Lines that lie on each other, as one. */
export interface FrontierLine {
  labels: string[];
  points: FrontierPoint[];
  color: string;
}

/** One line for each way of removing layers, by what is kept in the end. */
export function frontierLines(points: FrontierPoint[]): FrontierLine[] {
  const lines = new Map<string, FrontierLine>();
  const labels = new Set(points.map((point) => point.label));
  for (const label of labels) {
    const own = points.filter((point) => point.label === label);
    const same = own.map((point) => point.retained).join();
    const line = lines.get(same) ?? { labels: [], points: own, color: "" };
    line.labels.push(label);
    lines.set(same, line);
  }
  const end = (line: FrontierLine) => line.points.at(-1)?.retained ?? 0;
  const sorted = [...lines.values()].sort((one, other) => end(other) - end(one));
  return sorted.map((line, index) => ({ ...line, color: LINES[index % LINES.length] ?? GREY }));
}

/** Retained against layers removed; the line with the label `chosen` stands out. */
export function frontierChart(
  lines: FrontierLine[],
  chosen: string,
  what: string,
  width: number,
): SVGElement | HTMLElement {
  const points = lines.flatMap((line) => line.points);
  const most = Math.max(...points.map((point) => point.count));
  const log = Math.min(...points.map((point) => point.retained)) < 0.05;
  return Plot.plot({
    width,
    height: Math.min(340, 180 + width / 5),
    marginLeft: 52,
    ariaLabel: `${what} kept, against layers removed, for every method`,
    x: { label: "layers removed", ticks: most, tickFormat: "d" },
    y: {
      label: `${what} kept`,
      grid: true,
      type: log ? "log" : "linear",
      ...(log && { ticks: 4, tickFormat: ".1~g" }),
    },
    marks: [
      Plot.ruleY([1], { strokeDasharray: "2 3" }),
      ...lines.flatMap((line) => {
        const stands = line.labels.includes(chosen);
        const named = line.labels.join(", ");
        return [
          Plot.line(line.points, {
            x: "count",
            y: "retained",
            stroke: line.color,
            strokeWidth: stands ? 4 : 1.5,
          }),
          Plot.dot(line.points, {
            x: "count",
            y: "retained",
            fill: line.color,
            r: stands ? 5 : 3,
            title: (point: FrontierPoint) =>
              `${named}: without ${point.removed.join(", ") || "none"}, ${figure(point.retained)} kept [${figure(point.low)}, ${figure(point.high)}]`,
          }),
        ];
      }),
    ],
  });
}
