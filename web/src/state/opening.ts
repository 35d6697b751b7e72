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

/** Everything that happens when the page is opened. */
export async function begin(): Promise<void> {
  void reports.fetchNative();
  const { model: id, endpoint } = address;
  const atFirst = model.source;
  const named: ModelSource = id === "" ? atFirst : { kind: "hub", model: { id, endpoint, revision: "main" } };
  await start(address.device);
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
    // Layers of one model say nothing of another's; those of the address are meant for the first.
    address.removed = [];
    address.layer = -1;
  }
  model.choose(source);
  if (model.device === null) return;
  scores.clear();
  reports.close();
  if (await model.load()) await scores.score();
}

/** The model that is loaded stays in view; the bundled one where there is none and nothing failed. */
async function stay(): Promise<void> {
  const { source } = model;
  if (model.report !== null) address.model = source.kind === "hub" ? source.model.id : "";
  else if (tasks.current === null && tasks.failure === null) await openBundled();
}

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
