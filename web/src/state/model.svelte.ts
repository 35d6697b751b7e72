// The device, and the model that is loaded on it.
import type { Answer } from "../client/caller";
import type { DeviceChoice, DeviceReport, ModelReport } from "../generated/types";
import type { CallName } from "../worker/calls";
import type { Adapter, HelperPlan, KeptModel, LoadedModel, ModelIdentity, ModelSource } from "../worker/messages";
import { address } from "./address.svelte";
import { consent } from "./consent.svelte";
import { type Ask, tasks } from "./tasks.svelte";

/** The model that comes with the page. */
export const ATLAS: ModelSource = { kind: "bundled", base: new URL("atlas/", document.baseURI).href };

class OpenedModel {
  #device = $state.raw<DeviceReport | null>(null);
  #adapter = $state.raw<Adapter | null>(null);
  #source = $state.raw<ModelSource>(ATLAS);
  #loaded = $state.raw<LoadedModel | null>(null);

  get device(): DeviceReport | null {
    return this.#device;
  }

  /** What the browser's GPU offers. */
  get adapter(): Adapter | null {
    return this.#adapter;
  }

  /** Where the model comes from that is loaded, is being loaded, or could not be. */
  get source(): ModelSource {
    return this.#source;
  }

  readonly report = $derived<ModelReport | null>(this.#loaded?.report ?? null);
  readonly identity = $derived<ModelIdentity | null>(this.#loaded?.identity ?? null);
  /** Why the model cannot be asked in conversations; null where it can, and before it is loaded. */
  readonly chatProblem = $derived<string | null>(this.#loaded?.chatProblem ?? null);
  /** Who computes with it beside the worker that is asked; null where a GPU does, or nothing is loaded. */
  readonly helpers = $derived<HelperPlan | null>(this.#loaded?.helpers ?? null);
  /** A model of the user's own may have any name, Atlas's too. */
  readonly isBundled = $derived(this.#source.kind === "bundled");
  readonly ready = $derived(this.#loaded !== null && tasks.current === null);
  /** A GPU that the processor imitates takes minutes for what takes others seconds. */
  readonly isSlow = $derived(this.#device?.kind === "software_gpu");

  /** Whether an answer is about the model that is loaded. */
  isOf(answer: Pick<Answer<CallName>, "model">): boolean {
    return answer.model !== null && answer.model.id === this.identity?.id;
  }

  /** Opens a device. */
  async start(ask: Ask, device: DeviceChoice): Promise<void> {
    this.#adapter = (await ask("adapter", [])).found;
    this.#device = (await ask("start", [device])).found;
  }

  /** The worker is no more, and what it held with it. */
  forget(): void {
    this.#device = null;
    this.#loaded = null;
  }

  /** Takes another model in view; it is not loaded yet. */
  choose(source: ModelSource): void {
    this.#source = source;
    if (this.#device !== null) this.#loaded = null;
  }

  /** Loads the model in view. */
  async load(): Promise<boolean> {
    const source = this.#source;
    const loaded = await tasks.run("Loading the model", async (ask) => {
      if (source.kind === "hub" && consent.has(source.model.endpoint)) await ask("allow", [source.model.endpoint]);
      const { found } = await ask("load", [source, address.workers || undefined]);
      this.#loaded = found;
      this.#device = found.device;
      return found;
    });
    return loaded !== undefined;
  }

  /** Whether the visitor agrees to ask the model's server, if one has to be asked. */
  async isAgreed(source: ModelSource): Promise<boolean> {
    if (source.kind !== "hub") {
      // Another choice is an answer to what was asked.
      consent.question?.answer(false);
      return true;
    }
    const { id, endpoint, revision } = source.model;
    const isIt = (one: KeptModel): boolean => one.id === id && one.endpoint === endpoint && one.revision === revision;
    try {
      // A browser without storage keeps none.
      const kept = (await tasks.call("keptModels", []).answer).found ?? [];
      const isHere = kept.some((one) => isIt(one) && one.bytes === one.total);
      return isHere || (await consent.to(endpoint, `the model ${id}`));
    } catch (thrown) {
      tasks.fail(thrown);
      return false;
    }
  }
}

export const model = new OpenedModel();
