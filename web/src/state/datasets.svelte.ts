// The user's own datasets, and how their fields are read.
import { failureOf } from "../client/failure";
import type { Description, NamedText } from "../generated/types";
import type { DatasetSource } from "../worker/messages";
import { lab } from "./lab.svelte";

/** A dataset that the user gave, and what it was found to be, or why nothing could be made of it. */
export interface OwnDataset {
  text: NamedText;
  found: Description | null;
  problem: string | null;
}

class OwnDatasets {
  list = $state.raw<OwnDataset[]>([]);

  /** Adds datasets; one of the same name makes way. */
  async add(sources: DatasetSource[]): Promise<void> {
    for (const source of sources) {
      const text = await lab.dataset(source);
      if (text === undefined) return;
      const described = await this.#described(text);
      this.#use([...this.list.filter((own) => own.text.name !== text.name), described]);
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
    this.#use(this.list.map((other) => (other === own ? described : other)));
  }

  remove(own: OwnDataset): void {
    this.#use(this.list.filter((other) => other !== own));
  }

  /** Back to those of the bundled model. */
  clear(): void {
    this.#use([]);
  }

  async #described(text: NamedText): Promise<OwnDataset> {
    const described = await lab.ask(async (worker): Promise<OwnDataset> => {
      try {
        return { text, found: await worker.describe(text), problem: null };
      } catch (thrown) {
        return { text, found: null, problem: failureOf(thrown).message };
      }
    });
    return described ?? { text, found: null, problem: "it could not be read" };
  }

  /** Models are asked those that could be read. */
  #use(list: OwnDataset[]): void {
    this.list = list;
    const texts = list.filter((own) => own.found !== null).map((own) => own.text);
    lab.ownDatasets = texts.length > 0 ? texts : null;
    lab.judged = null;
  }
}

export const ownDatasets = new OwnDatasets();
