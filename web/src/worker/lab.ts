// The wasm instance of a worker, its device, its model, and who helps with it.
import init, { Session } from "../generated/layerlab_web";
import type { DeviceChoice, DeviceReport } from "../generated/types";
import type { Running } from "./answer";
import { type BlobFiles, bundledFiles, pickedFiles } from "./files";
import { type HelperPool, helperPlan, helpersFor } from "./helpers";
import { hubFiles } from "./hub";
import type { Adapter, LoadedModel, Look, ModelIdentity, ModelSource } from "./messages";
import { compiled } from "./module";
import { surveyed } from "./survey";

export class LabWorker {
  #session: Session | undefined;
  #module: WebAssembly.Module | undefined;
  #memory: WebAssembly.Memory | undefined;
  #helpers: HelperPool | undefined;
  /** Bytes of wasm memory before there was a model. */
  #program = 0;
  #loading: Running | undefined;
  #identity: ModelIdentity | null = null;

  get session(): Session {
    if (this.#session === undefined) throw new Error("the lab has not been started");
    return this.#session;
  }

  /** The model that is loaded. */
  get identity(): ModelIdentity | null {
    return this.#identity;
  }

  async start(device: DeviceChoice, module?: WebAssembly.Module): Promise<DeviceReport> {
    this.#module = module ?? (await compiled());
    const { memory } = await init({ module_or_path: this.#module });
    this.#memory = memory;
    this.#session = await Session.open(device);
    this.#program = memory.buffer.byteLength;
    return this.#session.device();
  }

  async adapter(): Promise<Adapter | null> {
    if (!("gpu" in navigator)) return null;
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    if (adapter === null) return null;
    const { info, limits } = adapter;
    return {
      name: info.description || [info.vendor, info.architecture].filter(Boolean).join(" "),
      maxBuffer: limits.maxBufferSize,
      maxBinding: limits.maxStorageBufferBindingSize,
    };
  }

  /** What a model will take. */
  async look(call: Running, source: ModelSource, workers: number | undefined): Promise<Look> {
    const survey = await surveyed(source, call.signal);
    const { quota, usage } = await navigator.storage.estimate();
    const room = quota === undefined || usage === undefined ? null : Math.max(quota - usage, 0);
    return { ...survey, program: this.#program, workers: 1 + helperPlan(survey.weightBytes, workers).count, room };
  }

  async load(call: Running, source: ModelSource, workers: number | undefined): Promise<LoadedModel> {
    const { session } = this;
    // One model at a time, and the last that was asked for.
    this.#loading?.cancel();
    this.#loading = call;
    const files = await filesOf(source, call);
    call.signal.throwIfAborted();
    this.#identity = null;
    this.#helpers?.end();
    // A GPU has threads enough.
    const isCpu = session.device().kind === "cpu";
    this.#helpers = isCpu && this.#module ? helpersFor(files, this.#module, workers) : undefined;
    const report = await session.load(files, this.#helpers, call);
    this.#identity = { id: call.id, sha256: report.sha256 };
    const chatProblem = session.chatProblem() ?? null;
    const helpers = isCpu ? helperPlan(files.weightBytes(), workers) : null;
    return { identity: this.#identity, report, chatProblem, device: session.device(), helpers };
  }

  async memory(): Promise<number> {
    const helpers = (await this.#helpers?.memory()) ?? 0;
    return helpers + (this.#memory?.buffer.byteLength ?? 0);
  }

  /** Asks a call to stop; it stops at its next step. */
  cancel(call: number): void {
    this.#session?.cancel(call);
    this.#helpers?.cancel(call);
  }

  /** Asks a training to end with the best that it has come to. */
  endTraining(call: number): void {
    this.#session?.endTraining(call);
  }
}

async function filesOf(source: ModelSource, { show, signal }: Running): Promise<BlobFiles> {
  switch (source.kind) {
    case "bundled":
      return bundledFiles(source.base);
    case "files":
      return pickedFiles(source.name, source.files);
    case "hub":
      return hubFiles(source.model, show, signal);
  }
}
