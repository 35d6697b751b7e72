import * as Plot from "@observablehq/plot";
import type { HistogramReport } from "../generated/types";
import type { Row } from "../parts/picture";
import { lowerEdge } from "../state/rankings";
import { BLUE, ORANGE } from "./palette";

/** Bins of magnitudes, and how many activations each holds. */
function binsOf(histogram: HistogramReport): { low: number; high: number; count: number }[] {
  return histogram.counts.map((count, index) => {
    const bin = histogram.first_bin + index;
    return { low: lowerEdge(bin), high: lowerEdge(bin + 1), count };
  });
}

/** The numbers behind the chart. */
export function histogramRows(histogram: HistogramReport): Row[] {
  return binsOf(histogram);
}

/** How large a tap's activations are, on a scale of octaves; `threshold` in the activation's units. */
export function histogramChart(
  histogram: HistogramReport,
  threshold: number,
  name: string,
  width: number,
): SVGElement | HTMLElement {
  // What lies below 2^-40 has no place on a scale of octaves.
  const drawn = binsOf(histogram).filter(({ low }) => low > 0);
  // Bins of an octave are equally wide in |a|, so their density by octaves is what can be compared.
  const density = (bin: (typeof drawn)[number]) => bin.count / Math.log2(bin.high / bin.low);
  return Plot.plot({
    width,
    height: 130,
    marginLeft: 12,
    marginRight: 12,
    ariaLabel: `magnitudes at ${name}`,
    x: {
      type: "log",
      base: 2,
      label: "|a|",
      ticks: 3,
      tickFormat: (size: number) => (size < 0.01 ? size.toExponential(0) : String(Number(size.toPrecision(2)))),
    },
    y: { axis: null },
    marks: [
      Plot.rect(drawn, {
        x1: "low",
        x2: "high",
        y1: 0,
        y2: density,
        fill: (bin: (typeof drawn)[number]) => (bin.high <= threshold ? ORANGE : BLUE),
        inset: 0,
      }),
      Plot.ruleX([threshold], { stroke: ORANGE, strokeWidth: 2, strokeDasharray: "4 3" }),
      Plot.ruleY([0]),
    ],
  });
}
