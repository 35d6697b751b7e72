// Opening the page, a device, a model: what several stores have a part in.
import type { DeviceChoice } from "../generated/types";
import type { ModelSource } from "../worker/messages";
import { address } from "./address.svelte";
import { material } from "./material.svelte";
import { ATLAS, model } from "./model.svelte";
import { previews } from "./preview.svelte";
import { reports } from "./reports.svelte";
import { scores } from "./scores.svelte";
import { tasks } from "./tasks.svelte";

/** A model that the address names by its file alone, which the visitor may not have. */
export const missing = $state({ file: "" });

/** Layers of one model say nothing of another's. */
function forgetLayers(): void {
  address.removed = [];
  address.layer = -1;
}

/** Everything that happens when the page is opened. */
export async function begin(): Promise<void> {
  void reports.fetchNative();
  const { model: id, endpoint } = address;
  const atFirst = model.source;
  const named: ModelSource = id === "" ? atFirst : { kind: "hub", model: { id, endpoint, revision: "main" } };
  if (id === "" && address.file !== "") {
    missing.file = address.file;
    forgetLayers();
    address.file = "";
  }
  await start(address.device);
  if (model.device !== null && (await reports.openNamed())) {
    // What the report says is shown at once; the bundled model is there for whoever goes on.
    if (id === "") await model.load();
    return;
  }
  // Another may have been chosen meanwhile.
  await openModel(model.source === atFirst ? named : model.source);
}

/** A new worker in place of a dead or unwanted one; what was found out stays. */
export async function restart(device: DeviceChoice): Promise<void> {
  tasks.renew();
  model.forget();
  address.device = device;
  await start(device);
  if (model.device === null) return;
  // Scores are soon found again, a whole experiment is not.
  if ((await model.load()) && !scores.live?.pruning) await scores.score();
}

/** Loads another model and scores it. */
export async function openModel(source: ModelSource): Promise<void> {
  if (!(await model.isAgreed(source))) {
    if (model.report === null && tasks.current === null) await openBundled();
    return;
  }
  const answer = await previews.answer(source);
  if (answer === "leave") await stay();
  if (answer !== "open") return;
  if (model.report !== null) {
    // Those of the address are meant for the first.
    forgetLayers();
  }
  // Atlas stands in for what is missing; another model that is chosen takes its place.
  if (source.kind !== "bundled") missing.file = "";
  name(source);
  model.choose(source);
  if (model.device === null) return;
  scores.clear();
  reports.close();
  if (await model.load()) await scores.score();
}

/** The model that is loaded stays in view; the bundled one where there is none and nothing failed. */
async function stay(): Promise<void> {
  const { source } = model;
  if (model.report !== null) name(source);
  else if (tasks.current === null && tasks.failure === null) await openBundled();
}

/** The address names the model. */
function name(source: ModelSource): void {
  address.model = source.kind === "hub" ? source.model.id : "";
  address.file = source.kind === "files" ? source.name : "";
}

/** Going back or forth in the browser's history leads to the model that is named there, too. */
async function follow(): Promise<void> {
  const { source } = model;
  const { model: id, endpoint, file } = address;
  const isShown =
    source.kind === "hub" ? source.model.id === id : id === "" && (source.kind === "files") === (file !== "");
  if (isShown) return;
  if (id !== "") await openModel({ kind: "hub", model: { id, endpoint, revision: "main" } });
  else if (file === "") await openBundled();
  // Files cannot be taken up again; the model that is there stays.
  else name(source);
}

addEventListener("popstate", () => void follow());

/** The same model once more, after what went wrong has been put right. */
export function openAgain(): Promise<void> {
  return openModel(model.source);
}

/** The model that comes with the page. */
export function openBundled(): Promise<void> {
  address.model = "";
  return openModel(ATLAS);
}

async function start(device: DeviceChoice): Promise<void> {
  await tasks.run("Starting the lab", async (ask) => {
    await model.start(ask, device);
    await material.fetch(ask);
    performance.mark("layerlab:device");
  });
}
