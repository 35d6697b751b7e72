// What one layer in few bits costs.
import * as Plot from "@observablehq/plot";
import type { Estimate, QuantizationReport } from "../generated/types";
import type { Row } from "../parts/picture";
import { figure } from "../state/format";
import { BLUE, ORANGE } from "./palette";

interface Layer extends Estimate {
  layer: number;
  stored: string;
}

function layersOf({ sensitivity, models }: QuantizationReport): Layer[] {
  const measured = models.find(({ allocation }) => allocation === "measured");
  return sensitivity.map((change, layer) => ({ ...change, layer, stored: measured?.types[layer] ?? "Q5_0" }));
}

/** A bar for each layer with its interval; those that are given most bits stand out. */
export function sensitivityChart(found: QuantizationReport, width: number): SVGElement | HTMLElement {
  const layers = layersOf(found);
  const every = Math.ceil(layers.length / Math.max(1, Math.floor(width / 30)));
  return Plot.plot({
    width,
    height: 200,
    marginLeft: 64,
    ariaLabel: `loss change with each layer alone in ${found.stored}`,
    x: {
      type: "band",
      domain: layers.map(({ layer }) => layer),
      tickFormat: (layer: number) => (layer % every === 0 ? String(layer) : ""),
      tickSize: 0,
      label: `layer in ${found.stored}`,
    },
    y: { label: "nats per token lost", grid: true, ticks: 4 },
    marks: [
      Plot.barY(layers, {
        x: "layer",
        y: (one: Layer) => one.value ?? 0,
        fill: (one: Layer) => (one.stored === "Q8_0" ? ORANGE : BLUE),
        title: (one: Layer) => `layer ${one.layer}: ${figure(one.value)} nats per token, stored as ${one.stored}`,
      }),
      Plot.ruleX(
        layers.filter(({ low, high }) => low != null && high != null),
        { x: "layer", y1: "low", y2: "high", stroke: "currentColor" },
      ),
      Plot.ruleY([0]),
    ],
  });
}

/** The numbers behind it. */
export function sensitivityRows(found: QuantizationReport): Row[] {
  return layersOf(found).map(({ layer, value, low, high, stored }) => ({
    layer,
    value: value ?? "",
    low: low ?? "",
    high: high ?? "",
    stored,
  }));
}
