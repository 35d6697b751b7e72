import type { Failure, FailureKind } from "../generated/types";

/** Why something did not come to its end, for people. */
export class LabFailure extends Error {
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string) {
    super(message);
    this.name = "LabFailure";
    this.kind = kind;
  }
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "kind" in value && "message" in value;
}

/** Whatever was thrown, as a failure. */
export function failureOf(thrown: unknown): LabFailure {
  if (thrown instanceof LabFailure) return thrown;
  if (isFailure(thrown)) return new LabFailure(thrown.kind, thrown.message);
  if (!(thrown instanceof Error)) return new LabFailure("input", String(thrown));
  if (thrown.name === "AbortError") return new LabFailure("cancelled", "stopped");
  // The module has trapped: its memory cannot be trusted any more.
  if (thrown.name === "RuntimeError") return new LabFailure("device", thrown.message);
  return new LabFailure("input", thrown.message);
}
