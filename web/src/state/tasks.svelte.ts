// What is being done, one long task at a time, and the worker that does it.
import type { Answer, Call } from "../client/caller";
import { LabFailure, failureOf, stopped, superseded } from "../client/failure";
import { newLab } from "../client/lab";
import type { CallName, Given } from "../worker/calls";
import type { Speech, Step } from "../worker/protocol";
import { consent } from "./consent.svelte";

/** Something that takes a while. */
export interface Task {
  name: string;
  kind: "repair" | "other";
  step: Exclude<Step, Speech> | null;
  stopping: boolean;
  /** Whether a training was asked to end with what it has. */
  ended: boolean;
}

/** Makes a call that is part of a task: it ends with the task. */
export type Ask = <K extends CallName>(name: K, given: Given<K>, show?: (step: Step) => void) => Promise<Answer<K>>;

/** Calls of a task. Once it is over, none of them brings anything, and no further one is made. */
class Work {
  readonly #calls = new Set<Call<CallName>>();
  #over: LabFailure | null = null;

  async answer<K extends CallName>(make: () => Call<K>): Promise<Answer<K>> {
    if (this.#over !== null) throw this.#over;
    const call = make();
    this.#calls.add(call);
    try {
      return await call.answer;
    } finally {
      this.#calls.delete(call);
    }
  }

  /** What is running stops when it can; nothing else begins. */
  cancel(): void {
    this.#over ??= stopped();
    for (const call of this.#calls) call.cancel();
  }

  supersede(): void {
    this.#over = superseded();
    for (const call of this.#calls) call.supersede();
  }

  endTraining(): void {
    for (const call of this.#calls) call.endTraining();
  }
}

class Tasks {
  #lab = newLab();
  #work: Work | null = null;
  #current = $state<Task | null>(null);
  #failure = $state.raw<LabFailure | null>(null);
  #memory = $state(0);

  /** What is being done. */
  get current(): Readonly<Task> | null {
    return this.#current;
  }

  /** Why the last task did not come to its end. */
  get failure(): LabFailure | null {
    return this.#failure;
  }

  /** Bytes that the workers hold. */
  get memory(): number {
    return this.#memory;
  }

  /**
   * One long task at a time: another takes its place, and its calls end there. Nothing where it failed, which `failure` then
   * says, or was superseded.
   */
  async run<T>(name: string, work: (ask: Ask) => Promise<T>, kind: Task["kind"] = "other"): Promise<T | undefined> {
    const [lab, own] = [this.#lab, new Work()];
    const isCurrent = (): boolean => this.#work === own;
    this.#work?.supersede();
    this.#work = own;
    this.#failure = null;
    this.#current = { name, kind, step: null, stopping: false, ended: false };
    const ask: Ask = (name, given, show) => {
      const showStep = (step: Step): void => {
        if (this.#current !== null && step.stage !== "speaking") this.#current.step = step;
        show?.(step);
      };
      return own.answer(() => lab.call(name, given, showStep));
    };
    try {
      const found = await work(ask);
      const memory = await lab.call("memory", []).answer;
      if (!isCurrent()) return undefined;
      this.#memory = memory.found;
      return found;
    } catch (thrown) {
      if (isCurrent()) this.#failure = failureOf(thrown);
      return undefined;
    } finally {
      if (isCurrent()) [this.#work, this.#current] = [null, null];
    }
  }

  /** Makes a call that takes no time to speak of, beside whatever is being done. */
  call<K extends CallName>(name: K, given: Given<K>): Call<K> {
    return this.#lab.call(name, given);
  }

  /** The answer to such a call; nothing where it failed, which `failure` then says. */
  async ask<K extends CallName>(name: K, given: Given<K>): Promise<Answer<K> | undefined> {
    try {
      return await this.call(name, given).answer;
    } catch (thrown) {
      this.fail(thrown);
      return undefined;
    }
  }

  /** Something besides the task has failed. That it was superseded, or ended with its worker, is no news to anyone. */
  fail(thrown: unknown): void {
    const failure = failureOf(thrown);
    if (failure.kind === "device" || failure.kind === "input") this.#failure = failure;
  }

  /** The visitor has read what failed. */
  dismiss(): void {
    this.#failure = null;
  }

  /** Asks what is running to stop. */
  cancel(): void {
    if (this.#current === null) return;
    this.#current.stopping = true;
    consent.question?.answer(false);
    this.#work?.cancel();
  }

  /** Ends a training early; what it has come to is judged. */
  endTraining(): void {
    if (this.#current === null) return;
    this.#current.ended = true;
    this.#work?.endTraining();
  }

  /** A new worker in place of a dead or unwanted one. Whatever was asked of the old one ends. */
  renew(): void {
    this.#work?.supersede();
    this.#lab.end();
    this.#lab = newLab();
    this.#work = this.#current = this.#failure = null;
  }
}

export const tasks = new Tasks();
