// Views of located layers.
import type { LayerPoint } from "../charts/contrast";
import type { Estimate, LayerContrast, Margins } from "../generated/types";
import { shortName } from "./metrics";

/** Layers whose interval leaves out indifference. */
export function apart(layers: LayerContrast[]): number {
  return layers.filter((layer) => layer.distinguishable === true).length;
}

/** The layer where truth is most readable. */
export function highest(layers: LayerContrast[]): LayerContrast | undefined {
  const known = layers.filter(({ auroc }) => typeof auroc.value === "number");
  return known.toSorted((one, other) => (other.auroc.value ?? 0) - (one.auroc.value ?? 0))[0];
}

/** A dataset of pairs for people; Atlas's are named by how often the model was told. */
export function className(dataset: string): string {
  return shortName(dataset).replace(/^pairs (.*) test$/, "$1");
}

/** Whether an interval leaves out a value. */
export function excludes({ low, high }: Estimate, value: number): boolean {
  return typeof low === "number" && typeof high === "number" && (low > value || high < value);
}

/** |ln EAVSS| with the interval of ln EAVSS folded at 0. */
function folded({ value, low, high }: Estimate): Estimate {
  if (typeof value !== "number") return { value: null, low: null, high: null };
  if (typeof low !== "number" || typeof high !== "number") return { value: Math.abs(value), low: null, high: null };
  const ends = [Math.abs(low), Math.abs(high)];
  const crosses = low <= 0 && high >= 0;
  return { value: Math.abs(value), low: crosses ? 0 : Math.min(...ends), high: Math.max(...ends) };
}

/** By how much the margin changes without each layer, as a chart wants it. */
export function marginPoints({ layers }: Margins): LayerPoint[] {
  return layers.map(({ layer, per_token }) => ({ layer, estimate: per_token, apart: excludes(per_token, 0) }));
}

/** How far something tells the two sides apart, whichever of them has more of it. */
export function eitherWay({ value }: Estimate): number | null {
  return typeof value === "number" ? Math.max(value, 1 - value) : null;
}

/** A figure of every layer as a chart wants it. */
export function points(layers: LayerContrast[], what: "ln_eavss" | "propensity" | "auroc"): LayerPoint[] {
  return layers.map((layer) => {
    if (what === "auroc") return { layer: layer.layer, estimate: layer.auroc, apart: excludes(layer.auroc, 0.5) };
    const estimate = what === "propensity" ? folded(layer.ln_eavss) : layer.ln_eavss;
    return { layer: layer.layer, estimate, apart: layer.distinguishable === true };
  });
}
