import * as Plot from "@observablehq/plot";
import type { MethodScores } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure } from "../state/format";
import { BLUE, GREY } from "./palette";
import { type Axis, figureTick } from "./scores";

/** A layer by its score and by what leaving it out costs. */
export interface ScatterPoint {
  layer: number;
  score: number;
  change: number;
  low: number;
  high: number;
}

/** The layers that have both a score and a measured loss change. */
export function scatterPoints(method: MethodScores, lossChange: MethodScores): ScatterPoint[] {
  return method.layers.flatMap(({ layer, value }) => {
    const measured = lossChange.layers.find((one) => one.layer === layer);
    if (typeof value !== "number" || typeof measured?.value !== "number") return [];
    const { value: change } = measured;
    return [{ layer, score: value, change, low: measured.low ?? change, high: measured.high ?? change }];
  });
}

/** The numbers behind the chart. */
export function scatterRows(points: ScatterPoint[]): Row[] {
  return points.map(({ layer, score, change, low, high }) => ({ layer, score, loss_change: change, low, high }));
}

/** Every layer's score against its measured loss change; layers are named where there is room. */
export function scatterChart(
  points: ScatterPoint[],
  label: string,
  axis: Axis,
  width: number,
): SVGElement | HTMLElement {
  // A few layers cost so much more than all others that these would lie on a line: the axis is logarithmic on both sides of 0.
  return Plot.plot({
    width,
    height: Math.min(320, 180 + width / 5),
    marginLeft: 56,
    marginBottom: 38,
    ariaLabel: `${label} of every layer against its measured loss change`,
    x:
      axis === "logarithmic"
        ? {
            type: "log",
            label: `${label} (logarithmic)`,
            ticks: Math.max(2, Math.floor(width / 120)),
            tickFormat: figureTick,
          }
        : { label, nice: true, ticks: Math.max(3, Math.floor(width / 100)) },
    y: {
      type: "symlog",
      constant: constantOf(points),
      label: "loss change, nats per token",
      grid: true,
      ticks: 6,
      tickFormat: figureTick,
    },
    marks: [
      Plot.ruleY([0], { stroke: GREY }),
      Plot.ruleX(points, { x: "score", y1: "low", y2: "high", stroke: BLUE, strokeOpacity: 0.35, strokeWidth: 2 }),
      Plot.dot(points, {
        x: "score",
        y: "change",
        r: 4,
        fill: BLUE,
        title: ({ layer, score, change }: ScatterPoint) =>
          `layer ${layer}: ${label} ${figure(score)}, loss change ${figure(change)}`,
      }),
      Plot.text(labelled(points, axis, width), {
        x: "score",
        y: "change",
        text: ({ layer }: ScatterPoint) => String(layer),
        dy: -9,
        fontSize: 10,
      }),
    ],
  });
}

/** Pixels that a number above a point takes. */
const ROOM = { x: 16, y: 12 };

/** Points whose numbers do not lie on each other: those that cost most come first. The others tell theirs when pointed at. */
function labelled(points: ScatterPoint[], axis: Axis, width: number): ScatterPoint[] {
  const constant = constantOf(points);
  const along = ({ score }: ScatterPoint): number => (axis === "logarithmic" ? Math.log(score) : score);
  const above = ({ change }: ScatterPoint): number => Math.sign(change) * Math.log1p(Math.abs(change) / constant);
  const pixels = (place: (point: ScatterPoint) => number, size: number): ((point: ScatterPoint) => number) => {
    const all = points.map(place);
    const [least, most] = [Math.min(...all), Math.max(...all)];
    return (point) => ((place(point) - least) / Math.max(most - least, Number.MIN_VALUE)) * size;
  };
  const [x, y] = [pixels(along, width * 0.85), pixels(above, 200)];
  const kept: ScatterPoint[] = [];
  for (const point of points.toSorted((one, other) => Math.abs(other.change) - Math.abs(one.change))) {
    const isFree = kept.every(
      (other) => Math.abs(x(point) - x(other)) >= ROOM.x || Math.abs(y(point) - y(other)) >= ROOM.y,
    );
    if (isFree) kept.push(point);
  }
  return kept;
}

/** Where a symmetric logarithmic axis is about linear: at the middle of what layers cost. */
function constantOf(points: ScatterPoint[]): number {
  const sizes = points.map(({ change }) => Math.abs(change)).toSorted((one, other) => one - other);
  return Math.max(sizes[Math.floor(sizes.length / 2)] ?? 1, 1e-6);
}
