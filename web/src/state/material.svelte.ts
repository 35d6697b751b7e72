// The text that layers are scored on, and what models are asked: those that come with the lab, or the user's own.
import type { Bundled, Calibration, EvalOptions, Examination, NamedText } from "../generated/types";
import { address } from "./address.svelte";
import { conversation } from "./chat";
import { ownDatasets } from "./datasets.svelte";
import { model } from "./model.svelte";
import type { Ask } from "./tasks.svelte";

class Material {
  #bundled = $state.raw<Bundled | null>(null);
  #ownText = $state.raw<NamedText | null>(null);

  /** What comes with the bundled model. */
  get bundled(): Bundled | null {
    return this.#bundled;
  }

  /** The user's own text instead of the bundled one. */
  get ownText(): NamedText | null {
    return this.#ownText;
  }

  /** The text that layers are scored on, cut as the device can bear. */
  readonly calibration = $derived.by((): Calibration | null => {
    const text = this.#ownText ?? (model.isBundled ? this.#bundled?.calibration : this.#bundled?.general);
    if (text === undefined) return null;
    return {
      text,
      sequence_length: address.length || (model.isSlow ? 64 : null),
      max_sequences: address.sequences || (model.isSlow ? 2 : 64),
    };
  });
  /** What whole and pruned models are asked. */
  readonly examination = $derived.by((): Examination | null => {
    const usual = model.isBundled ? this.#bundled?.judged_on : this.#bundled?.general_judged_on;
    const datasets = ownDatasets.texts ?? usual;
    if (datasets === undefined) return null;
    return { datasets, items: address.items || (model.isSlow ? 4 : 60) };
  });

  async fetch(ask: Ask): Promise<void> {
    this.#bundled ??= (await ask("bundled", [])).found;
  }

  /** Layers are to be scored on this text, or on the bundled one. */
  use(text: NamedText | null): void {
    this.#ownText = text;
  }

  /** Whether something was found about this text, and not about another that was chosen meanwhile. */
  isOf({ text }: Calibration): boolean {
    return text === this.calibration?.text;
  }

  /** How models are asked. */
  evalOptions(usual: EvalOptions): EvalOptions {
    const asked = { ...usual, chat: conversation() };
    return model.isSlow ? { ...asked, window: 32, max_windows: 2 } : asked;
  }
}

export const material = new Material();
