// What the two ends of a call tell each other. Each call has a number, and ends exactly once.
import type { Failure, Progress } from "../generated/types";
import type { Download, ModelIdentity } from "./messages";

/** A piece of text as a model says it. */
export interface Speech {
  stage: "speaking";
  text: string;
}

/** How far a call has come. */
export type Step = Progress | Download | Speech;

/** From whoever calls. */
export type Request =
  | { ask: "begin"; id: number; name: string; given: readonly unknown[] }
  /** To stop at the next step. */
  | { ask: "cancel"; id: number }
  /** To end a training with the best that it has come to. */
  | { ask: "end_training"; id: number };

/** From whoever is called. After a result or a failure nothing more comes. */
export type Reply =
  | { tell: "step"; id: number; step: Step }
  | { tell: "result"; id: number; value: unknown; model: ModelIdentity | null }
  | { tell: "failure"; id: number; failure: Failure };

/** Other messages may pass through the same worker: of its death, of a debugger. */
export function isReply(data: unknown): data is Reply {
  return typeof data === "object" && data !== null && "tell" in data;
}

export function isRequest(data: unknown): data is Request {
  return typeof data === "object" && data !== null && "ask" in data && "id" in data;
}

/** Arrays of bytes change their owner instead of being copied: they are whole shares of a helper's work. */
export function transferred(values: readonly unknown[]): Transferable[] {
  return values.filter((value) => value instanceof Uint8Array).map(({ buffer }) => buffer as ArrayBuffer);
}
