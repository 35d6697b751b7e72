// Rankings of layers in a score table.
import type { MethodScores, ScoringReport } from "../generated/types";

/** Methods that rank layers, with the baselines; parts of AVSS are shown elsewhere. */
export function rankings(scoring: ScoringReport): MethodScores[] {
  return scoring.scores.methods.filter((method) => method.role !== "part");
}

/** The method in view: the one that was chosen; else the score that orders layers most like the measured loss change. */
export function methodInView(scoring: ScoringReport, chosen: string): string {
  const known = rankings(scoring);
  if (known.some(({ id }) => id === chosen)) return chosen;
  const isScore = (id: string): boolean => known.some((method) => method.id === id && method.role === "ranking");
  const measured = scoring.scores.agreement.loss_change.filter(
    ({ method, spearman }) => typeof spearman === "number" && isScore(method),
  );
  // Of equals the last, as the lab's own sentences say.
  const highest = Math.max(...measured.map(({ spearman }) => spearman ?? 0));
  const closest = measured.findLast(({ spearman }) => spearman === highest);
  // Until something was measured, the one that has proved best on real models (docs/healing.md).
  return closest?.method ?? (isScore("relative_avss") ? "relative_avss" : (known[0]?.id ?? ""));
}

/** Layers by a method's order of removal, first to go first. */
export function order(method: MethodScores): number[] {
  const ranked = method.layers.filter((layer) => typeof layer.rank === "number");
  return ranked.sort((one, other) => (one.rank ?? 0) - (other.rank ?? 0)).map(({ layer }) => layer);
}

/** The lower edge of a bin of the magnitude histogram, as the lab's statistics define them: 8 a octave from 2^-40. */
export function lowerEdge(bin: number): number {
  if (bin === 0) return 0;
  const octave = Math.floor((bin - 1) / 8);
  return 2 ** (octave - 40) * (1 + ((bin - 1) % 8) / 8);
}
