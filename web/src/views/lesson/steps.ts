// The lesson: each step does something real and asks about it.
import { address, go } from "../../state/address.svelte";
import { hallucination } from "../../state/hallucination.svelte";
import { model } from "../../state/model.svelte";
import { pruning } from "../../state/pruning.svelte";
import { PROMPT, speech } from "../../state/speech.svelte";

export interface LessonStep {
  title: string;
  text: string;
  action: { name: string; act: () => void };
  question: string;
  answer: string;
}

function look(method: string): () => void {
  return () => {
    address.method = method;
    go("layers");
  };
}

/** Removes layers and asks what that costs. */
function without(removed: number[]): () => void {
  return () => {
    address.removed = removed;
    go("prune");
    if (model.ready) void pruning.judge();
  };
}

export const STEPS: LessonStep[] = [
  {
    title: "A model whose truth is known",
    text: "Atlas is a language model of twelve blocks, trained on a world that does not exist. Let it speak.",
    action: {
      name: "Let it finish a question",
      act: () => {
        address.prompt = PROMPT;
        go("model");
        if (model.ready) void speech.speak();
      },
    },
    question: "It answers fluently. How would you find out whether it knows, or makes it up?",
    answer:
      "By knowing what it was told. In this world each fact was told often, seldom or never; what was never told it answers just as fluently, and is right no more often than chance.",
  },
  {
    title: "One number a layer",
    text: "AVSS divides how much a layer's activations vary by how many of them are nearly zero. The idea: a layer that varies little, and is often silent, matters little.",
    action: { name: "Show AVSS", act: look("avss") },
    question: "Which layers would AVSS remove first, and what do they have in common?",
    answer:
      "The first ones. The residual stream grows from layer to layer, and AVSS at the output follows it: it ranks layers by their depth.",
  },
  {
    title: "What is nearly zero?",
    text: "That depends on a threshold. Drag it: nothing is run again, since the lab has counted activations of every magnitude.",
    action: {
      name: "Look into layer 3",
      act: () => {
        address.layer = 3;
        look("avss")();
      },
    },
    question: "Can you find a threshold that turns the ranking round?",
    answer:
      "Hardly. With a tiny threshold nothing is below it, and AVSS is variance alone; with a large one nearly everything is. The order stays that of depth.",
  },
  {
    title: "Ask the model instead",
    text: "The plainest method: leave out each layer in turn and measure how much worse the model predicts.",
    action: { name: "Show the loss change", act: look("loss_change") },
    question: "Look at the first layer. Does AVSS agree?",
    answer:
      "No. Without the first layer the model can hardly predict anything; AVSS would remove it first. The rank correlation of the two is strongly negative here.",
  },
  {
    title: "Take three layers out, as AVSS says",
    text: "The lab removes layers 0, 1 and 2 and asks both models the same questions.",
    action: { name: "Remove 0, 1, 2", act: without([0, 1, 2]) },
    question: "How much of its perplexity and of its answers has the model kept?",
    answer: "Next to nothing: its perplexity rises more than a thousandfold, and it answers as one who guesses.",
  },
  {
    title: "Take three others out",
    text: "Block Influence looks at how little a block turns the hidden states. Here it would remove 4, 5 and 9.",
    action: { name: "Remove 4, 5, 9", act: without([4, 5, 9]) },
    question: "A quarter of the blocks is gone again. What is different?",
    answer:
      "Nearly everything is kept. Which layers go matters far more than how many, and a score is worth what such a test says of it.",
  },
  {
    title: "All methods, all costs",
    text: "The chart shows what every method kept, with one, two and three layers removed; random choices are among them.",
    action: {
      name: "Show every method",
      act: () => {
        address.method = "avss";
        go("prune");
      },
    },
    question: "Would you trust a method that loses to random choice?",
    answer:
      "Not on this model. Try it on another: the lab takes any small model in Hugging Face layout or as a GGUF file, and says what it sees there.",
  },
  {
    title: "Where does it show that something is not so?",
    text: "Now the model reads right and made-up answers to the same questions, and the lab compares what every layer does meanwhile. It does so apart for facts that Atlas was told often, seldom and never.",
    action: {
      name: "Locate hallucination",
      act: () => {
        go("hallucination");
        if (model.ready && hallucination.located === null) void hallucination.locate();
      },
    },
    question: "Some layer always has rank 1. How many could you tell from a layer that does not care?",
    answer:
      "Hardly any, and hardly more than with shuffled labels; the probe guesses, too, even about facts that Atlas was told often and answers well. A ranking always names a winner. Whether it won anything is for the interval and the controls to say.",
  },
  {
    title: "Can it be repaired?",
    text: "Small adapters on a few layers are trained for two hundred steps so that right answers become likelier than made-up ones. Watch the margin rise, and the perplexity of neutral text, which must not.",
    action: {
      name: "Repair the last layers",
      act: () => {
        address.choice = "last";
        go("repair");
        if (model.ready && hallucination.repaired === null) void hallucination.repair();
      },
    },
    question:
      "The questions that it is judged on are not those that it learnt from. Is it more often right, or has it learnt something else?",
    answer:
      "Among given choices it tends to pick the right one more often. Left to answer freely it hardly gains: some answers turn into “unknown”, some into nonsense, even where it knew. What it was never told it cannot learn from other facts; at best it learns to say so. Repeat it on random layers before you thank the choice of layers, and trust only differences whose interval leaves out 0.",
  },
];
