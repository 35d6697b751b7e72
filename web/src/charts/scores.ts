import * as Plot from "@observablehq/plot";
import type { LayerScore, MethodScores } from "../generated/types";
import { figure } from "../state/format";
import { BLUE, ORANGE } from "./palette";

/** A method's score of every layer, with its interval; the layers that it would remove first are marked. */
export function scoreChart(method: MethodScores, lowest: number, width: number): SVGElement | HTMLElement {
  const layers = method.layers.filter((layer) => typeof layer.value === "number");
  const goes = (layer: LayerScore) => (layer.rank ?? Infinity) <= lowest;
  return Plot.plot({
    width,
    height: Math.min(280, 140 + width / 5),
    marginLeft: 56,
    ariaLabel: `${method.label} of every layer`,
    x: { label: "layer", tickFormat: (layer: number) => String(layer), type: "band" },
    y: { label: method.label, grid: true, nice: true, zero: true },
    marks: [
      Plot.ruleX(layers, {
        x: "layer",
        y1: (layer: LayerScore) => layer.low ?? layer.value,
        y2: (layer: LayerScore) => layer.high ?? layer.value,
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
      Plot.ruleY([0]),
    ],
  });
}
