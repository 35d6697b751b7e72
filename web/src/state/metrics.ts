import type { Metric } from "../generated/types";

const NAMES: Record<Metric, string> = {
  perplexity: "perplexity",
  accuracy: "accuracy",
  accuracy_norm: "accuracy per character",
  mc1: "MC1",
  mc2: "MC2",
  exact_match: "exact match",
  abstention: "answers “unknown”",
  wrong_answer: "wrong answers",
  ece: "calibration error",
};

/** A metric's name for people. */
export function metricName(metric: Metric): string {
  return NAMES[metric];
}

/** A dataset's name without its folder and extension. */
export function shortName(dataset: string): string {
  const file = dataset.split("/").at(-1) ?? dataset;
  return file.replace(/\.\w+$/, "").replaceAll("_", " ");
}
