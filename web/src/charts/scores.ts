import * as Plot from "@observablehq/plot";
import type { LayerScore, MethodScores } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure } from "../state/format";
import { BLUE, ORANGE } from "./palette";

/** A value beside a tick. */
export function figureTick(value: number): string {
  return figure(value);
}

/** Values that span more than this need a logarithmic axis to be told apart. */
const DECADES = 2;

/** How values lie on their axis. */
export type Axis = "linear" | "logarithmic";

/** Whether every value of a method could stand on a logarithmic axis. */
export function canBeLogarithmic(method: MethodScores): boolean {
  const values = method.layers.flatMap(({ value }) => (typeof value === "number" ? [value] : []));
  return values.length > 0 && values.every((value) => value > 0);
}

/** The axis that suits a method's values. */
export function suitableAxis(method: MethodScores): Axis {
  const values = method.layers.flatMap(({ value }) => (typeof value === "number" ? [value] : []));
  const span = Math.max(...values) / Math.min(...values);
  return canBeLogarithmic(method) && span > 10 ** DECADES ? "logarithmic" : "linear";
}

/** A method's score of every layer, with its interval; the layers that it would remove first are marked. */
export function scoreChart(method: MethodScores, lowest: number, axis: Axis, width: number): SVGElement | HTMLElement {
  const layers = method.layers.filter((layer) => typeof layer.value === "number");
  const goes = (layer: LayerScore) => (layer.rank ?? Infinity) <= lowest;
  const isLogarithmic = axis === "logarithmic";
  // What is not above 0 has no place on a logarithmic axis: an interval ends at the least value there.
  const least = Math.min(...layers.flatMap(({ value }) => (typeof value === "number" ? [value] : [])));
  const end = (value: number | null | undefined, otherwise: number | null | undefined) => {
    const known = value ?? otherwise ?? 0;
    return isLogarithmic ? Math.max(known, least / 10) : known;
  };
  // Of many layers not every one has a number below it.
  const every = Math.ceil(layers.length / Math.max(1, Math.floor(width / 32)));
  return Plot.plot({
    width,
    height: Math.min(280, 140 + width / 5),
    marginLeft: 56,
    ariaLabel: `${method.label} of every layer`,
    x: {
      label: "layer",
      type: "band",
      tickFormat: (layer: number) => (layer % every === 0 ? String(layer) : ""),
    },
    y: isLogarithmic
      ? {
          label: `${method.label} (logarithmic)`,
          grid: true,
          type: "log",
          tickFormat: figureTick,
        }
      : { label: method.label, grid: true, nice: true, zero: true },
    marks: [
      Plot.ruleX(layers, {
        x: "layer",
        y1: (layer: LayerScore) => end(layer.low, layer.value),
        y2: (layer: LayerScore) => end(layer.high, layer.value),
        stroke: (layer: LayerScore) => (goes(layer) ? ORANGE : BLUE),
        strokeWidth: 3,
        strokeOpacity: 0.45,
      }),
      Plot.dot(layers, {
        x: "layer",
        y: "value",
        r: 5,
        // Shape tells as well as colour.
        symbol: (layer: LayerScore) => (goes(layer) ? "triangle" : "circle"),
        fill: (layer: LayerScore) => (goes(layer) ? ORANGE : BLUE),
        title: (layer: LayerScore) => `layer ${layer.layer}: ${figure(layer.value)}, rank ${layer.rank ?? "–"}`,
      }),
      ...(isLogarithmic ? [] : [Plot.ruleY([0])]),
    ],
  });
}

/** The numbers behind the chart. */
export function scoreRows(method: MethodScores): Row[] {
  return method.layers.map(({ layer, value, low, high, rank, probability_lowest }) => ({
    method: method.id,
    layer,
    value,
    low,
    high,
    rank,
    probability_lowest,
  }));
}
