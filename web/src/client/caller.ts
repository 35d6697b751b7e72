// The calling end of the table in src/worker/calls.ts: nobody else sees a message.
import type { CallName, Found, Given } from "../worker/calls";
import { death } from "../worker/death";
import type { ModelIdentity } from "../worker/messages";
import { type Reply, type Request, type Step, isReply, transferred } from "../worker/protocol";
import { LabFailure, failureOf, stopped, superseded } from "./failure";

/** What a call found, about which model, and what it had been given. */
export interface Answer<K extends CallName> {
  found: Found<K>;
  /** The model that was loaded when the call began. */
  model: ModelIdentity | null;
  given: Given<K>;
}

/** A call that was made. It ends once: with its answer, or with a failure that says whether it was cancelled or superseded. */
export interface Call<K extends CallName> {
  readonly id: number;
  readonly answer: Promise<Answer<K>>;
  /** Asks the worker to stop; the call ends when it has. */
  cancel(): void;
  /** Ends the call now; the worker is asked to stop all the same. */
  supersede(): void;
  /** Asks a training to end with the best that it has come to. */
  endTraining(): void;
}

/** Where the end of a call is awaited. */
interface Pending {
  show: (step: Step) => void;
  end: (reply: Exclude<Reply, { tell: "step" }>) => void;
  fail: (failure: LabFailure) => void;
}

/** Numbers of calls, those to workers that are no more among them: a result is never taken for that of another. */
let lastId = 0;

/** One worker, as whoever calls it sees it. */
export class Caller {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  /** Why nothing can be asked any more. */
  #over: LabFailure | null = null;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (isReply(data)) this.#hear(data);
    });
    void death(worker).then((why) => this.#endAll(new LabFailure("device", why)));
  }

  /** Whether it can still be asked. */
  get lives(): boolean {
    return this.#over === null;
  }

  call<K extends CallName>(name: K, given: Given<K>, show: (step: Step) => void = () => undefined): Call<K> {
    lastId += 1;
    const id = lastId;
    const answer = new Promise<Answer<K>>((resolve, reject) => {
      if (this.#over !== null) return reject(this.#over);
      this.#pending.set(id, {
        show,
        end: (reply) => {
          if (reply.tell === "failure") reject(failureOf(reply.failure));
          // The worker answers by the row whose type this is.
          else resolve({ found: reply.value as Found<K>, model: reply.model, given });
        },
        fail: reject,
      });
      try {
        this.#ask({ ask: "begin", id, name, given }, transferred(given));
      } catch (thrown) {
        // What cannot be sent.
        this.#pending.delete(id);
        reject(failureOf(thrown));
      }
    });
    const ask = (what: "cancel" | "end_training"): void => {
      if (this.#pending.has(id)) this.#ask({ ask: what, id });
    };
    return {
      id,
      answer,
      cancel: () => ask("cancel"),
      endTraining: () => ask("end_training"),
      supersede: () => {
        ask("cancel");
        this.#settled(id)?.fail(superseded());
      },
    };
  }

  /** Ends the worker, whatever it does, and every call with it. */
  end(): void {
    this.#worker.terminate();
    this.#endAll(stopped());
  }

  #ask(request: Request, transfer: Transferable[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #hear(reply: Reply): void {
    // What was superseded may still be answered.
    if (reply.tell === "step") this.#pending.get(reply.id)?.show(reply.step);
    else this.#settled(reply.id)?.end(reply);
  }

  /** Whoever waits for the end of a call, once: it ends with this. */
  #settled(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #endAll(why: LabFailure): void {
    this.#over ??= why;
    for (const id of [...this.#pending.keys()]) this.#settled(id)?.fail(why);
  }
}
