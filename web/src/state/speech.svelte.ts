// Texts that models continue.
import type { ChatOptions, Generated } from "../generated/types";
import { address } from "./address.svelte";
import { conversation, isSameConversation } from "./chat";
import { count } from "./format";
import { model } from "./model.svelte";
import { tasks } from "./tasks.svelte";

/** What a model is asked where nothing else is typed. */
export const PROMPT = "Q: What is the capital of";

/** Whether a prompt is longer than what the model was trained on. */
function tooLong(tokens: number): string | null {
  const context = model.report?.context;
  if (context === undefined || tokens <= context) return null;
  return (
    `The prompt has ${count(tokens)} tokens, and the model was trained on ${count(context)} at most: ` +
    "it read all of them, but what it says behind so many may be nonsense."
  );
}

class Speech {
  /** How the model went on, and how fast. */
  #said = $state({ prompt: "", chat: null as ChatOptions | null, text: "", speed: null as string | null });

  /** What the model is to continue. */
  readonly prompt = $derived(address.prompt || PROMPT);
  /** How the model went on from the prompt. */
  readonly said = $derived(this.#isCurrent() ? this.#said.text : "");
  /** What must be known before what was said last is believed. */
  warning = $state<string | null>(null);
  readonly speed = $derived(this.#isCurrent() ? this.#said.speed : null);

  /** Continues a prompt, by the model as it is, as repaired or as healed; `say` hears of the text as it comes. */
  async generate(
    prompt: string,
    removed: number[],
    say: (text: string) => void,
    changed: "repaired" | "healed" | null = null,
  ): Promise<Generated | undefined> {
    const chat = conversation();
    const which = { repaired: changed === "repaired", healed: changed === "healed" };
    const request = { prompt, chat, removed, ...which, max_new_tokens: 48, temperature: null, seed: 0 };
    this.warning = null;
    const name = removed.length === 0 ? "Generating" : "Generating without the removed layers";
    const answer = await tasks.run(name, (ask) =>
      ask("generate", [request], (step) => {
        if (step.stage === "speaking") say(step.text);
      }),
    );
    if (answer !== undefined) this.warning = tooLong(answer.found.prompt_tokens);
    return answer?.found;
  }

  /** Lets the whole model go on from the address's prompt. */
  async speak(): Promise<void> {
    const { prompt } = this;
    this.#said = { prompt, chat: conversation(), text: "", speed: null };
    const said = this.#said;
    const done = await this.generate(prompt, [], (piece) => (said.text += piece));
    if (done !== undefined) said.speed = `${done.tokens} tokens, ${(done.tokens / done.seconds).toFixed(1)} a second`;
  }

  /** Whether what was said answers the prompt in view, asked as is chosen. */
  #isCurrent(): boolean {
    return this.#said.prompt === this.prompt && isSameConversation(this.#said.chat, conversation());
  }
}

export const speech = new Speech();
