// What the page and its worker tell each other besides the lab's own types.
import type { DeviceReport, ModelNeeds, ModelReport } from "../generated/types";

/** The public Hub. */
export const HUB = "https://huggingface.co";

/** Where a model comes from. */
export type ModelSource =
  | { kind: "bundled"; base: string }
  | { kind: "files"; name: string; files: { path: string; blob: Blob }[] }
  | { kind: "hub"; model: HubModel };

/** A model on the Hub, or on a server that speaks its paths. */
export interface HubModel {
  /** Such as owner/name, or owner/name:file.gguf. */
  id: string;
  revision: string;
  endpoint: string;
}

/** Which loaded model a result is about. The same weights may be loaded more than once. */
export interface ModelIdentity {
  /** The number of the call that loaded it. */
  id: number;
  sha256: string;
}

/** How many workers compute with a model on the CPU beside the page's own, and what keeps them from being more. */
export interface HelperPlan {
  count: number;
  /** The processor has no more threads, memory may have no more room, or the visitor wants no more. */
  limit: "processor" | "memory" | "chosen";
}

/** A model that was loaded. */
export interface LoadedModel {
  identity: ModelIdentity;
  report: ModelReport;
  /** Why the model cannot be asked in conversations; null where it can. */
  chatProblem: string | null;
  /** The device, with the threads that share the work on this model. */
  device: DeviceReport;
  /** Who computes with it beside the worker that was asked; null where a GPU does. */
  helpers: HelperPlan | null;
}

/** How far a download has come. */
export interface Download {
  stage: "downloading";
  file: string;
  /** Bytes of all files there. */
  bytes: number;
  /** Bytes of all files. */
  total: number;
  /** Connections that broke and were taken up again. */
  resumed: number;
}

/** A model that the browser keeps. */
export interface KeptModel extends HubModel {
  /** The commit that the revision stood for. */
  commit: string;
  /** Bytes kept. */
  bytes: number;
  /** Bytes when whole. */
  total: number;
}

/** What a model will take, found out before it is downloaded or loaded. */
export interface Look {
  /** Files of it. */
  files: number;
  /** Bytes of all of them. */
  bytes: number;
  /** Bytes that would have to be downloaded. */
  missing: number;
  /** Bytes of the files that hold weights. */
  weightBytes: number;
  /** What the headers say; none where the server sends no parts of files. */
  needs: ModelNeeds | null;
  /** Bytes of WebAssembly memory that the lab takes without a model. */
  program: number;
  /** Workers that would hold the model on the CPU. */
  workers: number;
  /** Bytes that the browser has room for; none where it does not say. */
  room: number | null;
}

/** What the browser's GPU offers, found out before anything is loaded. */
export interface Adapter {
  name: string;
  /** Bytes that one buffer may have. */
  maxBuffer: number;
  /** Bytes of a buffer that a shader can read. */
  maxBinding: number;
}

/** Where a dataset comes from: a file, or the Hub, by `owner/name[:config][@split]`. */
export type DatasetSource = { kind: "file"; name: string; blob: Blob } | { kind: "hub"; id: string; endpoint: string };
