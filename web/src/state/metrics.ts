import type { Comparison, Metric, TaskComparison } from "../generated/types";
import { figure } from "./format";

const NAMES: Record<Metric, string> = {
  perplexity: "perplexity",
  bits_per_byte: "bits per byte",
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

/** Whether a difference is more than chance, by its test and corrected for all comparisons of its table. */
export function isSignificant({ significance }: Comparison | TaskComparison): boolean {
  return significance?.significant === true;
}

/** The corrected p-value. */
export function pValue({ significance }: Comparison | TaskComparison): string {
  return figure(significance?.p_adjusted);
}

/** What p-values, stars and marks of a table mean. */
export function testsNote(table: (Comparison | TaskComparison)[]): string {
  const found = table.map(({ significance }) => significance).find((one) => one != null);
  if (found == null) return "";
  const corrected =
    found.comparisons === 1
      ? ""
      : `, corrected by Holm's method for the ${found.comparisons} comparisons of this table`;
  return (
    `p: of McNemar's exact test where items are right or wrong, else of a permutation test of pairs${corrected}; ` +
    `* where it is at most ${found.alpha} and there are 10 items or windows. ~ before an interval: of fewer than 10, too narrow.`
  );
}
