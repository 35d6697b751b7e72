// What a model will take, shown before it is opened: nothing but headers is fetched until the visitor goes on.
import type { Look, ModelSource } from "../worker/messages";
import { address } from "./address.svelte";
import { consent } from "./consent.svelte";
import { problemOf } from "./fit";
import { model } from "./model.svelte";
import { tasks } from "./tasks.svelte";

/** What became of it: another may have been chosen before the visitor answered. */
export type Answer = "open" | "leave" | "overtaken";

/** What the visitor is shown. */
export interface Preview {
  source: ModelSource;
  look: Look;
  answer: (answer: Answer) => void;
}

class Previews {
  shown = $state.raw<Preview | null>(null);

  /** Whether the model is to be opened. Of one that is here and fits, nobody is asked. */
  async answer(source: ModelSource): Promise<Answer> {
    this.shown?.answer("overtaken");
    if (source.kind === "bundled") return "open";
    const look = source.kind === "hub" ? await lookAtHub(source) : await lookAtFiles(source);
    if (look === "failed") return "leave";
    // Nothing can be found out before there is a device.
    if (look === null) return "open";
    if (look.missing === 0 && problemOf(look, model.device, model.adapter) === null) return "open";
    return this.#ask(source, look);
  }

  async #ask(source: ModelSource, look: Look): Promise<Answer> {
    this.shown?.answer("overtaken");
    let asked: Preview | null = null;
    const answer = await new Promise<Answer>((done) => {
      asked = { source, look, answer: done };
      this.shown = asked;
    });
    if (this.shown === asked) this.shown = null;
    return answer;
  }
}

async function lookAtHub(source: ModelSource & { kind: "hub" }): Promise<Look | "failed"> {
  const look = await tasks.run("Reading what the model takes", async (ask) => {
    const { endpoint } = source.model;
    if (consent.has(endpoint)) await ask("allow", [endpoint]);
    return (await ask("look", [source, address.workers || undefined])).found;
  });
  if (look !== undefined) return look;
  // So that it can be tried again.
  if (model.report === null && tasks.failure !== null) model.choose(source);
  return "failed";
}

/** What files take. Those that are no model leave everything as it is, and the cause is said. */
async function lookAtFiles(source: ModelSource): Promise<Look | "failed" | null> {
  if (model.device === null) return null;
  const answer = await tasks.ask("look", [source, address.workers || undefined]);
  if (answer === undefined && model.report === null) model.choose(source);
  return answer?.found ?? "failed";
}

export const previews = new Previews();
