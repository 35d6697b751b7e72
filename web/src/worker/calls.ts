// Every call of the page to its worker, a row each. Both ends are derived from this table: src/client/caller.ts takes the
// types of what is given and found from it, and answer.ts runs its rows.
import { type Call, Session } from "../generated/layerlab_web";
import type { DeviceChoice, NamedText, Report, ReportFormat } from "../generated/types";
import type { Running } from "./answer";
import { datasetText } from "./datasets";
import { FolderSink, ZipSink } from "./export";
import type { LabWorker } from "./lab";
import type { DatasetSource, HubModel, ModelSource } from "./messages";
import { allow } from "./reach";
import { keptModels, removeModel } from "./store";

/** What a function of the session takes besides the call itself. */
type Of<K extends keyof Session> = Session[K] extends (...all: [...infer Given, Call<never>]) => unknown
  ? Given
  : never;

type Folder = FileSystemDirectoryHandle | undefined;

/** A folder of the user's, or a zip where none is given. */
function sinkFor(folder: Folder): FolderSink | ZipSink {
  return folder === undefined ? new ZipSink() : new FolderSink(folder);
}

export const CALLS = {
  /** Opens a device; compiles the module, where no other worker has done so. */
  start: (lab, _, device: DeviceChoice, module?: WebAssembly.Module) => lab.start(device, module),
  /** What the browser's GPU offers. */
  adapter: (lab) => lab.adapter(),
  /** Lets the worker ask the server of this address, which the visitor has agreed to. */
  allow: (_, __, endpoint: string) => allow(endpoint),
  /** What a model will take; of one on the Hub, headers and small files are fetched. */
  look: (lab, call, source: ModelSource, workers?: number) => lab.look(call, source, workers),
  /** Loads a model; on the CPU, `workers` at most compute with it, or as many as suit the processor. */
  load: (lab, call, source: ModelSource, workers?: number) => lab.load(call, source, workers),
  /** Bytes of wasm memory, helpers' too. It never shrinks, so this is also its peak. */
  memory: (lab) => lab.memory(),
  /** Does a share of another worker's work. */
  share: (lab, call, ...given: Of<"share">) => lab.session.share(...given, call),

  bundled: () => Session.bundled(),
  score: (lab, call, ...given: Of<"score">) => lab.session.score(...given, call),
  leaveOut: (lab, call, ...given: Of<"leaveOut">) => lab.session.leaveOut(...given, call),
  rescore: (lab, _, ...given: Parameters<Session["rescore"]>) => lab.session.rescore(...given),
  plan: (lab, call, ...given: Of<"plan">) => lab.session.plan(...given, call),
  judge: (lab, call, ...given: Of<"judge">) => lab.session.judge(...given, call),
  heal: (lab, call, ...given: Of<"heal">) => lab.session.heal(...given, call),
  run: (lab, call, ...given: Of<"run">) => lab.session.run(...given, call),
  generate: (lab, { id, show }, ...given: Of<"generate">) =>
    lab.session.generate(...given, { id, show: (text) => show({ stage: "speaking", text }) }),

  bundledPairs: () => Session.bundledPairs(),
  locate: (lab, call, ...given: Of<"locate">) => lab.session.locate(...given, call),
  tokens: (lab, _, ...given: Parameters<Session["tokens"]>) => lab.session.tokens(...given),
  repair: (lab, call, ...given: Of<"repair">) => lab.session.repair(...given, call),
  answerChanges: (lab, call, ...given: Of<"answerChanges">) => lab.session.answerChanges(...given, call),

  /** Writes the model without a plan's layers, as it was healed last or as it is. */
  export: async (lab, call, plan: Of<"export">[0], healed: boolean, folder: Folder) => {
    const sink = sinkFor(folder);
    await lab.session.export(plan, healed, sink, call);
    return (await sink.finish()) ?? null;
  },
  /** The adapters of the last repair in the layout of PEFT, as a zip. */
  exportAdapters: async (lab) => {
    const sink = new ZipSink();
    await lab.session.exportAdapters(sink);
    return sink.finish();
  },
  /** Writes the model with the adapters of the last repair merged into its weights. */
  exportRepaired: async (lab, call, folder: Folder) => {
    const sink = sinkFor(folder);
    await lab.session.exportRepaired(sink, call);
    return (await sink.finish()) ?? null;
  },
  write: (_, __, report: Report, format: ReportFormat) => Session.write(report, format),

  /** A dataset as the lab reads it. */
  dataset: (_, call, source: DatasetSource) => datasetText(source, call.show, call.signal),
  /** The text of a file, in whatever encoding it says it is written. */
  text: async (_, __, name: string, blob: Blob): Promise<NamedText> => ({
    name,
    contents: Session.textOf(name, new Uint8Array(await blob.arrayBuffer())),
  }),
  /** What a dataset holds, and which of its fields is read as what. */
  describe: (_, __, text: NamedText) => Session.describe(text),
  keptModels: () => keptModels(),
  removeModel: (_, __, model: HubModel) => removeModel(model),
} satisfies Record<string, (lab: LabWorker, call: Running, ...given: never[]) => unknown>;

type Calls = typeof CALLS;
export type CallName = keyof Calls;
/** What a call is given. */
export type Given<K extends CallName> = Calls[K] extends (lab: LabWorker, call: Running, ...given: infer G) => unknown
  ? G
  : never;
/** What a call finds. */
export type Found<K extends CallName> = Awaited<ReturnType<Calls[K]>>;
