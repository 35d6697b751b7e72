import type { Failure, FailureKind } from "../generated/types";

/** How a call can end otherwise than with a result. A later one has taken the place of what was superseded: nobody waits for it. */
export type EndKind = FailureKind | "superseded";

/** Why something did not come to its end, for people. */
export class LabFailure extends Error {
  readonly kind: EndKind;

  constructor(kind: EndKind, message: string) {
    super(message);
    this.name = "LabFailure";
    this.kind = kind;
  }
}

export function stopped(): LabFailure {
  return new LabFailure("cancelled", "stopped");
}

export function superseded(): LabFailure {
  return new LabFailure("superseded", "a later task has taken its place");
}

function isFailure(value: unknown): value is Failure {
  return typeof value === "object" && value !== null && "kind" in value && "message" in value;
}

/** Whatever was thrown, as a failure. */
export function failureOf(thrown: unknown): LabFailure {
  if (thrown instanceof LabFailure) return thrown;
  if (isFailure(thrown)) return new LabFailure(thrown.kind, thrown.message);
  if (!(thrown instanceof Error)) return new LabFailure("input", String(thrown));
  if (thrown.name === "AbortError") return stopped();
  // The module has trapped: its memory cannot be trusted any more.
  if (thrown.name === "RuntimeError") return new LabFailure("device", thrown.message);
  return new LabFailure("input", thrown.message);
}

/** The same as a plain object of a kind that the lab knows, for other workers and the module. */
export function plainFailure(thrown: unknown): Failure {
  const { kind, message } = failureOf(thrown);
  return { kind: kind === "superseded" ? "cancelled" : kind, message };
}
