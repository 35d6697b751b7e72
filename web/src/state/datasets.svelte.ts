// The user's own datasets, and how their fields are read.
import { LabFailure, failureOf } from "../client/failure";
import type { Description, NamedText } from "../generated/types";
import type { DatasetSource } from "../worker/messages";
import { consent } from "./consent.svelte";
import { tasks } from "./tasks.svelte";

/** A dataset that the user gave, and what it was found to be, or why nothing could be made of it. */
export interface OwnDataset {
  text: NamedText;
  found: Description | null;
  problem: string | null;
}

class OwnDatasets {
  #list = $state.raw<OwnDataset[]>([]);

  get list(): readonly OwnDataset[] {
    return this.#list;
  }

  /** Those that could be read, which models are asked instead of the bundled ones; null where there are none. */
  readonly texts = $derived.by((): NamedText[] | null => {
    const texts = this.#list.filter((own) => own.found !== null).map((own) => own.text);
    return texts.length > 0 ? texts : null;
  });

  /** Adds datasets; one of the same name makes way. */
  async add(sources: DatasetSource[]): Promise<void> {
    for (const source of sources) {
      const text = await fetched(source);
      if (text === undefined) return;
      const described = await this.#described(text);
      this.#list = [...this.#list.filter((own) => own.text.name !== text.name), described];
    }
  }

  /** Reads a dataset by other fields, `question=q,answer=a`; by those of its form if none. */
  async readBy(own: OwnDataset, fields: string): Promise<void> {
    await this.#readAgain(own, { ...own.text, fields: fields.trim() || null });
  }

  /** Goes on without records that cannot be read, or is ended by them. */
  async passOver(own: OwnDataset, skip: boolean): Promise<void> {
    await this.#readAgain(own, { ...own.text, skip_bad: skip });
  }

  async #readAgain(own: OwnDataset, text: NamedText): Promise<void> {
    const described = await this.#described(text);
    this.#list = this.#list.map((other) => (other === own ? described : other));
  }

  remove(own: OwnDataset): void {
    this.#list = this.#list.filter((other) => other !== own);
  }

  /** Back to those of the bundled model. */
  clear(): void {
    this.#list = [];
  }

  async #described(text: NamedText): Promise<OwnDataset> {
    try {
      const { found } = await tasks.call("describe", [text]).answer;
      return { text, found, problem: null };
    } catch (thrown) {
      return { text, found: null, problem: failureOf(thrown).message };
    }
  }
}

/** A dataset of the user's, downloaded if need be; nothing where that failed. */
async function fetched(source: DatasetSource): Promise<NamedText | undefined> {
  const answer = await tasks.run("Getting the dataset", async (ask) => {
    if (source.kind === "hub") {
      const { id, endpoint } = source;
      if (!(await consent.to(endpoint, `the dataset ${id}`))) throw new LabFailure("cancelled", "not agreed to");
      await ask("allow", [endpoint]);
    }
    return ask("dataset", [source]);
  });
  return answer?.found;
}

export const ownDatasets = new OwnDatasets();
