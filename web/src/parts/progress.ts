import type { Task } from "../state/tasks.svelte";
import { megabytes } from "../state/format";

/** A step for people, and how much of it is done where that is known. */
export function described(step: NonNullable<Task["step"]>): { text: string; share: number | null } {
  switch (step.stage) {
    case "downloading": {
      const again = step.resumed > 0 ? `, taken up again ${step.resumed} times` : "";
      const text = `${step.file}: ${megabytes(step.bytes)} of ${megabytes(step.total)}${again}`;
      return { text, share: step.bytes / step.total };
    }
    case "loading":
      return {
        text: `weights to the device, ${megabytes(step.bytes)} of ${megabytes(step.total)}`,
        share: step.bytes / step.total,
      };
    case "hashing":
      return { text: "fingerprint of the weights", share: null };
    case "measuring":
      return {
        text: `sequence ${step.sequences} of ${step.total}`,
        share: step.sequences / step.total,
      };
    case "scoring":
      return { text: "scores and their intervals", share: null };
    case "leaving_out":
      return {
        text: `leaving out each layer, ${step.done} of ${step.total}`,
        share: step.done / step.total,
      };
    case "evaluating":
      return {
        text: `model ${step.models + 1} of ${step.of}, ${step.done} of ${step.total}`,
        share: (step.models + step.done / Math.max(step.total, 1)) / step.of,
      };
    case "tuning":
      return {
        text: `step ${step.record.step + 1} of ${step.total}, loss ${step.record.loss.toFixed(3)}`,
        share: (step.record.step + 1) / step.total,
      };
    case "checking":
      return {
        text: `checked after ${step.record.step} steps: perplexity ${step.record.perplexity.toFixed(3)}`,
        share: null,
      };
    case "exporting":
      return {
        text: `${megabytes(step.bytes)} of ${megabytes(step.total)}`,
        share: step.bytes / step.total,
      };
  }
}
