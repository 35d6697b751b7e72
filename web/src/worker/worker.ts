// Owns the wasm instance, and through it the GPU device. The page talks to it by src/client.
import * as Comlink from "comlink";
import init, { Session } from "../generated/layerlab_web";
import type {
  AnswerChange,
  Bundled,
  BundledPairs,
  Calibration,
  DeviceChoice,
  DeviceReport,
  Description,
  Examination,
  ExperimentRequest,
  GenerateRequest,
  Generated,
  JudgeRequest,
  Judged,
  LocateRequest,
  ModelReport,
  NamedText,
  PairTokens,
  Plan,
  PlanningRequest,
  Progress,
  RepairRequest,
  RepairTexts,
  Report,
  ReportFormat,
  ScoreOptions,
  ScoreRequest,
  ScoringReport,
  TokensRequest,
} from "../generated/types";
import { datasetText } from "./datasets";
import { FolderSink, ZipSink } from "./export";
import { type BlobFiles, bundledFiles, pickedFiles } from "./files";
import { type HelperPool, helpersFor } from "./helpers";
import { hubFiles } from "./hub";
import type { Adapter, DatasetSource, Download, HubModel, KeptModel, ModelSource } from "./messages";
import { compiled } from "./module";
import { allow, restrict } from "./reach";
import { keptModels, removeModel } from "./store";

type Shown = (progress: Progress) => void;

/**
 * A caller's function across the border, called at most every 50 ms: a page shows no more. What a training records all
 * gets through, since it is drawn.
 */
function calm<T extends { stage: string }>(show: (step: T) => void): (step: T) => void {
  let last = 0;
  return (step) => {
    const now = performance.now();
    const isRecord = step.stage === "tuning" || step.stage === "checking";
    if (!isRecord && now - last < 50) return;
    last = now;
    show(step);
  };
}

export class LabWorker {
  #session: Session | undefined;
  #module: WebAssembly.Module | undefined;
  #memory: WebAssembly.Memory | undefined;
  #helpers: HelperPool | undefined;
  #download = new AbortController();

  /** Opens a device; compiles the module, where no other worker has done so. */
  async start(device: DeviceChoice, module?: WebAssembly.Module): Promise<DeviceReport> {
    this.#module = module ?? (await compiled());
    const { memory } = await init({ module_or_path: this.#module });
    this.#memory = memory;
    this.#session = await Session.open(device);
    return this.#session.device();
  }

  /** Lets the worker ask the server of this address, which the visitor has agreed to. */
  allow(endpoint: string): void {
    allow(endpoint);
  }

  async adapter(): Promise<Adapter | null> {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) return null;
    const { info, limits } = adapter;
    return {
      name: info.description || [info.vendor, info.architecture].filter(Boolean).join(" "),
      maxBuffer: limits.maxBufferSize,
      maxBinding: limits.maxStorageBufferBindingSize,
    };
  }

  /** The device, and how many threads share the work on the model. */
  device(): DeviceReport {
    return this.#open().device();
  }

  bundled(): Bundled {
    return Session.bundled();
  }

  /** Loads a model; on the CPU, `workers` at most compute with it, or as many as suit the processor. */
  async load(
    source: ModelSource,
    workers: number | undefined,
    onProgress: (progress: Progress | Download) => void,
  ): Promise<ModelReport> {
    const show = calm(onProgress);
    const session = this.#open();
    const files = await this.#files(source, show);
    this.#helpers?.end();
    // A GPU has threads enough.
    const isCpu = session.device().kind === "cpu";
    this.#helpers = isCpu && this.#module ? helpersFor(files, this.#module, workers) : undefined;
    return session.load(files, this.#helpers, show);
  }

  /** Does a share of another worker's work. */
  async share(share: Uint8Array): Promise<Uint8Array> {
    const answer = await this.#open().share(share);
    return Comlink.transfer(answer, [answer.buffer]);
  }

  async score(text: Calibration, request: ScoreRequest, onProgress: Shown): Promise<Report> {
    return this.#open().score(text, request, calm(onProgress));
  }

  rescore(options: ScoreOptions): ScoringReport {
    return this.#open().rescore(options);
  }

  async plan(text: Calibration, request: PlanningRequest, onProgress: Shown): Promise<Plan[]> {
    return this.#open().plan(text, request, calm(onProgress));
  }

  async judge(
    examination: Examination,
    request: JudgeRequest,
    onProgress: Shown,
  ): Promise<Judged> {
    return this.#open().judge(examination, request, calm(onProgress));
  }

  async run(
    text: Calibration,
    examination: Examination,
    request: ExperimentRequest,
    onProgress: Shown,
  ): Promise<Report> {
    return this.#open().run(text, examination, request, calm(onProgress));
  }

  async generate(request: GenerateRequest, onText: (text: string) => void): Promise<Generated> {
    return this.#open().generate(request, onText);
  }

  /** Writes the pruned model to a folder, or gives it as a zip. */
  async export(
    plan: Plan,
    folder: FileSystemDirectoryHandle | undefined,
    onProgress: Shown,
  ): Promise<Blob | null> {
    const sink = folder === undefined ? new ZipSink() : new FolderSink(folder);
    await this.#open().export(plan, sink, calm(onProgress));
    return (await sink.finish()) ?? null;
  }

  bundledPairs(): BundledPairs {
    return Session.bundledPairs();
  }

  async locate(
    examination: Examination,
    request: LocateRequest,
    onProgress: Shown,
  ): Promise<Report> {
    return this.#open().locate(examination, request, calm(onProgress));
  }

  async tokens(request: TokensRequest): Promise<PairTokens> {
    return this.#open().tokens(request);
  }

  async repair(texts: RepairTexts, request: RepairRequest, onProgress: Shown): Promise<Report> {
    return this.#open().repair(texts, request, calm(onProgress));
  }

  /** Asks a training to end with the best that it has come to. */
  endTraining(): void {
    this.#session?.endTraining();
  }

  async answerChanges(count: number, onProgress: Shown): Promise<AnswerChange[]> {
    return this.#open().answerChanges(count, calm(onProgress));
  }

  /** The adapters of the last repair in the layout of PEFT, as a zip. */
  async exportAdapters(): Promise<Blob> {
    const sink = new ZipSink();
    await this.#open().exportAdapters(sink);
    return sink.finish();
  }

  /** Writes the repaired model to a folder, or gives it as a zip. */
  async exportRepaired(
    folder: FileSystemDirectoryHandle | undefined,
    onProgress: Shown,
  ): Promise<Blob | null> {
    const sink = folder === undefined ? new ZipSink() : new FolderSink(folder);
    await this.#open().exportRepaired(sink, calm(onProgress));
    return (await sink.finish()) ?? null;
  }

  write(report: Report, format: ReportFormat): string {
    return Session.write(report, format);
  }

  /** A dataset as the lab reads it. */
  dataset(source: DatasetSource, onDownload: (download: Download) => void): Promise<NamedText> {
    this.#download = new AbortController();
    return datasetText(source, calm(onDownload), this.#download.signal);
  }

  /** The text of a file, in whatever encoding it says it is written. */
  async text(name: string, blob: Blob): Promise<NamedText> {
    return { name, contents: Session.textOf(name, new Uint8Array(await blob.arrayBuffer())) };
  }

  /** What a dataset holds, and which of its fields is read as what. */
  describe(text: NamedText): Description {
    return Session.describe(text);
  }

  /** Asks what is running to stop; it stops at its next step. */
  cancel(): void {
    this.#download.abort();
    this.#session?.cancel();
    this.#helpers?.cancel();
  }

  keptModels(): Promise<KeptModel[]> {
    return keptModels();
  }

  removeModel(model: HubModel): Promise<void> {
    return removeModel(model);
  }

  /** Bytes of wasm memory, helpers' too. It never shrinks, so this is also its peak. */
  async memory(): Promise<number> {
    const helpers = (await this.#helpers?.memory()) ?? 0;
    return helpers + (this.#memory?.buffer.byteLength ?? 0);
  }

  #open(): Session {
    if (this.#session === undefined) throw new Error("the lab has not been started");
    return this.#session;
  }

  async #files(source: ModelSource, show: (download: Download) => void): Promise<BlobFiles> {
    switch (source.kind) {
      case "bundled":
        return bundledFiles(source.base);
      case "files":
        return pickedFiles(source.name, source.files);
      case "hub":
        this.#download = new AbortController();
        return hubFiles(source.model, show, this.#download.signal);
    }
  }
}

// A panic ends a task of the module without ending the call that waits for it, so the page is told apart from the calls.
let said = "";
const log = console.error.bind(console);
console.error = (...values: unknown[]) => {
  said = values.map(String).join(" ");
  log(...values);
};
self.addEventListener("error", (event) => {
  self.postMessage({ died: said.split("\n")[0] || event.message });
});

restrict();
Comlink.expose(new LabWorker());
