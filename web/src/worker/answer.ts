// The answering end of calls: each runs under its number, can be cancelled by it, and is answered once.
import { plainFailure } from "../client/failure";
import type { LabWorker } from "./lab";
import { type Reply, type Request, type Step, isRequest, transferred } from "./protocol";

/** A call while it runs. */
export interface Running {
  readonly id: number;
  /** Aborted when the call is cancelled. */
  readonly signal: AbortSignal;
  readonly show: (step: Step) => void;
  readonly cancel: () => void;
}

type Row = (lab: LabWorker, call: Running, ...given: readonly unknown[]) => unknown;

/** Answers what the owner of this worker asks, by the rows of a table. */
export function answerCalls(table: Readonly<Record<string, unknown>>, lab: LabWorker): void {
  const running = new Map<number, Running>();
  self.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (!isRequest(data)) return;
    switch (data.ask) {
      case "begin":
        void answer(data);
        return;
      case "cancel":
        running.get(data.id)?.cancel();
        return;
      case "end_training":
        lab.endTraining(data.id);
    }
  });

  async function answer({ id, name, given }: Request & { ask: "begin" }): Promise<void> {
    const call = begun(id, lab);
    running.set(id, call);
    // Of the model that is loaded now: another may be, before this has ended.
    const model = lab.identity;
    try {
      // What is given fits the row: its type is the row's own, in src/client/caller.ts.
      const row = table[name] as Row;
      tell({ tell: "result", id, value: await row(lab, call, ...given), model });
    } catch (thrown) {
      tell({ tell: "failure", id, failure: plainFailure(thrown) });
    } finally {
      running.delete(id);
    }
  }
}

function begun(id: number, lab: LabWorker): Running {
  const controller = new AbortController();
  controller.signal.addEventListener("abort", () => lab.cancel(id));
  return { id, signal: controller.signal, show: shown(id), cancel: () => controller.abort() };
}

/** Steps of which none is left out. */
const KEPT = new Set<Step["stage"]>(["tuning", "checking", "distilling", "checking_distilled", "speaking"]);

/**
 * Tells steps to the page, at most one in 50 ms: a page shows no more. What a training records and a model says all gets
 * through, since it is all shown.
 */
function shown(id: number): (step: Step) => void {
  let last = 0;
  return (step) => {
    const now = performance.now();
    const isKept = KEPT.has(step.stage);
    if (!isKept && now - last < 50) return;
    last = now;
    tell({ tell: "step", id, step });
  };
}

function tell(reply: Reply): void {
  self.postMessage(reply, { transfer: reply.tell === "result" ? transferred([reply.value]) : [] });
}
