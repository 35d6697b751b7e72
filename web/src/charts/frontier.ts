import * as Plot from "@observablehq/plot";
import type { Metric, Outcome, Plan, Report } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure } from "../state/format";
import { GREY, LINES } from "./palette";

/** What is kept below this share is not worth keeping: it stands at the edge of the chart, with its value. */
export const FLOOR = 0.5;

export interface FrontierPoint {
  label: string;
  /** Whether layers were chosen by place or by chance. */
  isBaseline: boolean;
  /** How the model was healed; none as it was cut. */
  healing: string | null;
  removed: number[];
  count: number;
  retained: number;
  low: number;
  high: number;
}

/** What every plan's pruned models kept of a metric, from none removed to all that it removes; and what the healed ones kept. */
export function frontierPoints(report: Report, dataset: string, metric: Metric): FrontierPoint[] {
  const { pruning } = report;
  if (!pruning) return [];
  const healed = pruning.healing?.outcomes ?? [];
  const ways = [...new Set(healed.map(({ record }) => record.way))];
  return pruning.plans.flatMap((plan) => [
    ...pointsOf(plan, null, pruning.outcomes, dataset, metric),
    ...ways.flatMap((way) => {
      const outcomes = healed.filter(({ record }) => record.way === way);
      return pointsOf(plan, way.replace("_", " + "), outcomes, dataset, metric);
    }),
  ]);
}

function pointsOf(
  plan: Plan,
  healing: string | null,
  outcomes: Outcome[],
  dataset: string,
  metric: Metric,
): FrontierPoint[] {
  const { label } = plan;
  const isBaseline = /^(random|first|last)_/.test(plan.method);
  const whole = { label, isBaseline, healing, removed: [], count: 0, retained: 1, low: 1, high: 1 };
  const steps = plan.removed.map((_, index): FrontierPoint | null => {
    const removed = plan.removed.slice(0, index + 1);
    const same = removed.toSorted((a, b) => a - b).join();
    const outcome = outcomes.find((one) => one.removed.join() === same);
    const compared = outcome?.compared.find((one) => one.dataset === dataset && one.metric === metric);
    if (typeof compared?.retained !== "number") return null;
    const { retained } = compared;
    return {
      label,
      isBaseline,
      healing,
      removed,
      count: removed.length,
      retained,
      low: compared.retained_low ?? retained,
      high: compared.retained_high ?? retained,
    };
  });
  const known = steps.filter((step) => step !== null);
  return known.length === 0 ? [] : [whole, ...known];
}

/** Lines that lie on each other, as one. */
export interface FrontierLine {
  labels: string[];
  healing: string | null;
  points: FrontierPoint[];
  color: string;
}

/** One line for each way of removing layers, and one for each way of healing it, by what is kept in the end; of one colour. */
export function frontierLines(points: FrontierPoint[]): FrontierLine[] {
  const lines = new Map<string, FrontierLine>();
  const keys = new Map(points.map((point) => [`${point.label}\n${point.healing ?? ""}`, point]));
  for (const { label, healing } of keys.values()) {
    const own = points.filter((point) => point.label === label && point.healing === healing);
    const same = `${healing ?? ""}: ${own.map((point) => point.retained).join()}`;
    const line = lines.get(same) ?? { labels: [], healing, points: own, color: "" };
    line.labels.push(label);
    lines.set(same, line);
  }
  const end = (line: FrontierLine) => line.points.at(-1)?.retained ?? 0;
  const sorted = [...lines.values()].sort((one, other) => end(other) - end(one));
  const colors = new Map<string, string>();
  for (const { labels, points: own } of sorted) {
    const [first = ""] = labels;
    // What is a baseline is grey.
    if (own[0]?.isBaseline === true) colors.set(first, GREY);
    if (!colors.has(first))
      colors.set(first, LINES[[...colors.values()].filter((color) => color !== GREY).length % LINES.length] ?? GREY);
  }
  return sorted.map((line) => ({ ...line, color: colors.get(line.labels[0] ?? "") ?? GREY }));
}

/** The numbers behind the chart. */
export function frontierRows(lines: FrontierLine[]): Row[] {
  return lines.flatMap(({ labels, points }) =>
    labels.flatMap((method) =>
      points.map(({ healing, removed, count, retained, low, high }) => ({
        method,
        healing: healing ?? "none",
        layers_removed: count,
        removed: removed.join(" "),
        kept: retained,
        low,
        high,
      })),
    ),
  );
}

/** What is to be seen: who keeps most in the end. */
export function frontierTitle(lines: FrontierLine[], what: string): string {
  const [best, worst] = [lines[0], lines.at(-1)];
  const last = best?.points.at(-1);
  if (best === undefined || last === undefined) return `${what} kept`;
  const healed = best.healing === null ? "" : `, healed by ${best.healing}`;
  const head = `Without ${last.count} layers, ${best.labels.join(", ")}${healed} keeps most of ${what}: ${figure(last.retained)}`;
  const least = worst === best ? undefined : worst?.points.at(-1);
  return least === undefined ? head : `${head}; ${worst?.labels[0] ?? ""} least: ${figure(least.retained)}`;
}

/** Retained against layers removed, where it is worth keeping; the line with the label `chosen` stands out. */
export function frontierChart(
  lines: FrontierLine[],
  chosen: string,
  what: string,
  keep: number,
  width: number,
): SVGElement | HTMLElement {
  const points = lines.flatMap((line) => line.points);
  const most = Math.max(1, ...points.map((point) => point.count));
  const highest = Math.max(1, ...points.map((point) => point.retained));
  const isHealed = lines.some((line) => line.healing !== null);
  return Plot.plot({
    width,
    height: Math.min(380, 220 + width / 5),
    marginLeft: 52,
    marginRight: 24,
    marginBottom: 44,
    ariaLabel: `${what} kept, against layers removed, for every method`,
    x: { label: "layers removed", domain: [0, most], ticks: Math.min(most, Math.floor(width / 40)), tickFormat: "d" },
    y: { label: `${what} kept`, grid: true, domain: [FLOOR, highest * 1.03], clamp: true },
    marks: [
      Plot.ruleY([1], { strokeDasharray: "2 3" }),
      Plot.ruleY([keep], { stroke: GREY, strokeDasharray: "6 3" }),
      Plot.text([keep], {
        x: most,
        y: (share: number) => share,
        text: (share: number) => `${figure(100 * share)} %`,
        textAnchor: "end",
        dy: -7,
        fill: "currentColor",
      }),
      ...lines.flatMap((line) => marksOf(line, line.labels.includes(chosen), isHealed, most)),
    ],
  });
}

function marksOf(line: FrontierLine, stands: boolean, isHealed: boolean, most: number): Plot.Markish[] {
  const named = `${line.labels.join(", ")}${line.healing === null ? "" : `, healed by ${line.healing}`}`;
  const title = (point: FrontierPoint) =>
    `${named}: without ${point.removed.join(", ") || "none"}, ${figure(point.retained)} kept [${figure(point.low)}, ${figure(point.high)}]`;
  // The first point below the floor ends the line: what comes after is told by the legend.
  const below = line.points.findIndex((point) => point.retained < FLOOR);
  const drawn = below < 0 ? line.points : line.points.slice(0, below + 1);
  const lost = below < 0 ? [] : line.points.slice(below, below + 1);
  return [
    Plot.line(drawn, {
      x: "count",
      y: "retained",
      stroke: line.color,
      strokeWidth: stands ? 4 : 1.5,
      // As cut and healed are told apart by the line, whatever its colour.
      ...(isHealed && line.healing === null && { strokeDasharray: "5 4" }),
    }),
    Plot.dot(
      drawn.filter((point) => point.retained >= FLOOR),
      { x: "count", y: "retained", fill: line.color, r: stands ? 5 : 3, title },
    ),
    Plot.text(lost, {
      x: "count",
      y: FLOOR,
      text: (point: FrontierPoint) =>
        point.count === most ? `${figure(point.retained)} ↓` : `↓ ${figure(point.retained)}`,
      textAnchor: (lost[0]?.count ?? 0) === most ? "end" : "start",
      dy: -6,
      fill: line.color,
      fontWeight: stands ? 700 : 400,
      title,
    }),
  ];
}
