import * as Plot from "@observablehq/plot";
import type { Estimate } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure, withInterval } from "../state/format";
import { BLUE, GREY, ORANGE } from "./palette";

/** One layer of a chart. */
export interface LayerPoint {
  layer: number;
  estimate: Estimate;
  /** Whether it can be told from `indifferent`. */
  apart: boolean;
}

/** A figure of every layer with its interval; those that cannot be told from indifference are hollow and grey. */
export function contrastChart(
  points: LayerPoint[],
  { label, indifferent, chosen }: { label: string; indifferent: number; chosen: number },
  width: number,
): SVGElement | HTMLElement {
  const known = points.filter(({ estimate }) => typeof estimate.value === "number");
  const value = ({ estimate }: LayerPoint) => estimate.value;
  const color = ({ apart, estimate }: LayerPoint) => {
    if (!apart) return GREY;
    return (estimate.value ?? indifferent) > indifferent ? ORANGE : BLUE;
  };
  return Plot.plot({
    width,
    height: Math.min(260, 140 + width / 6),
    marginLeft: 56,
    ariaLabel: `${label} of every layer`,
    x: { label: "layer", type: "band", tickFormat: String },
    y: { label, grid: true, nice: true },
    marks: [
      Plot.ruleY([indifferent], { strokeDasharray: "3 3" }),
      Plot.ruleX(
        known.filter(({ layer }) => layer === chosen),
        {
          x: "layer",
          stroke: "currentColor",
          strokeOpacity: 0.12,
          strokeWidth: 22,
        },
      ),
      Plot.ruleX(known, {
        x: "layer",
        y1: ({ estimate }: LayerPoint) => estimate.low ?? estimate.value,
        y2: ({ estimate }: LayerPoint) => estimate.high ?? estimate.value,
        stroke: color,
        strokeWidth: 3,
        strokeOpacity: 0.5,
      }),
      Plot.dot(known, {
        x: "layer",
        y: value,
        r: 5,
        stroke: color,
        strokeWidth: 2,
        // Filled or hollow tells as well as colour.
        fill: (point: LayerPoint) => (point.apart ? color(point) : "none"),
        title: ({ layer, estimate, apart }: LayerPoint) =>
          `layer ${layer}: ${withInterval(estimate.value, estimate.low, estimate.high)}${apart ? "" : `, not distinguishable from ${figure(indifferent)}`}`,
      }),
    ],
  });
}

/** The numbers behind the chart. */
export function contrastRows(points: LayerPoint[]): Row[] {
  return points.map(({ layer, estimate: { value, low, high } }) => ({ layer, value, low, high }));
}
