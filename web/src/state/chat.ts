// Whether models are asked in conversations, which their chat templates write, or as plain text.
import type { ChatOptions } from "../generated/types";
import { address } from "./address.svelte";
import { model } from "./model.svelte";

/** The conversation that prompts are part of; null where they are asked as plain text, as of models without a template. */
export function conversation(): ChatOptions | null {
  if (!address.chat || model.chatProblem !== null) return null;
  return { system: address.system.trim() === "" ? null : address.system };
}

/** Whether both are the same conversation, or none. */
export function isSameConversation(one: ChatOptions | null | undefined, other: ChatOptions | null): boolean {
  const system = (chat: ChatOptions): string => chat.system ?? "";
  return one && other ? system(one) === system(other) : (one ?? null) === other;
}
