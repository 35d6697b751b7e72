import type { Task } from "../state/tasks.svelte";
import { megabytes } from "../state/format";

/** Which of several models, where there are several. */
function ofSeveral({ models, of }: { models: number; of: number }): string {
  return of > 1 ? `, model ${models + 1} of ${of}` : "";
}

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
    case "continuing":
      return { text: `continuing prompts, ${step.done} of ${step.total}`, share: step.done / step.total };
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
    case "healing":
      return {
        text: `refitting, part ${step.done} of ${step.total}${ofSeveral(step)}`,
        share: step.done / step.total,
      };
    case "distilling":
      return {
        text: `step ${step.record.step + 1} of ${step.total}, ${step.record.divergence.toFixed(3)} nats from the whole model${ofSeveral(step)}`,
        share: (step.record.step + 1) / step.total,
      };
    case "checking_distilled":
      return {
        text: `checked after ${step.record.step} steps: ${step.record.divergence.toFixed(3)} nats from the whole model`,
        share: null,
      };
    case "exporting":
      return {
        text: `${megabytes(step.bytes)} of ${megabytes(step.total)}`,
        share: step.bytes / step.total,
      };
  }
}
