// Tokens per second of this lab and of llama.cpp (package node-llama-cpp) on the same GGUF file, by turns in one run.
//
//   npm install --ignore-scripts node-llama-cpp@3.21.1      in a folder of its own, whose path NODE_LLAMA names
//   NODE_LLAMA=FOLDER node tests/bench/llama.mjs LAYERLAB FILE.gguf TEXT [ROUNDS]
//
// Both read the text in windows of 256 tokens. The lab takes the logits of all tokens (perplexity); llama.cpp is asked for none
// but those after each window's last, which spares it most of the head. Threads: as many as processors for both.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [layerlab, file, text, rounds = "3"] = process.argv.slice(2);
const WINDOW = 256;
const required = createRequire(`${process.env.NODE_LLAMA}/package.json`);
const { getLlama } = await import(pathToFileURL(required.resolve("node-llama-cpp")).href);

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: file });
const threads = cpus().length;
const context = await model.createContext({ contextSize: WINDOW, batchSize: WINDOW, threads });
const tokens = model.tokenize(readFileSync(text, "utf8"));
const sequence = context.getSequence();

async function theirs() {
  const begun = performance.now();
  for (let first = 0; first < tokens.length; first += WINDOW) {
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(first, first + WINDOW));
  }
  return (tokens.length / (performance.now() - begun)) * 1000;
}

function ours(weights) {
  const asked = ["eval", "--model", file, "--text", text, "--window", `${WINDOW}`, "--device", "cpu"];
  const run = spawnSync(layerlab, [...asked, "--weights", weights, "--json"], { maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(run.stderr.toString());
  const report = JSON.parse(run.stdout.toString());
  return report.evaluation[0].task.tokens / report.timings.evaluate_seconds;
}

const found = { "lab, blocks": [], "lab, float32": [], "llama.cpp": [] };
await theirs(); // What is read from the disk for the first time counts for nobody.
for (let round = 0; round < Number(rounds); round += 1) {
  found["lab, blocks"].push(ours("stored"));
  found["lab, float32"].push(ours("f32"));
  found["llama.cpp"].push(await theirs());
}
const middle = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
for (const [name, speeds] of Object.entries(found)) {
  const ratio = middle(speeds) / middle(found["llama.cpp"]);
  console.log(`${name.padEnd(14)}${middle(speeds).toFixed(0).padStart(7)} tokens/s   ${ratio.toFixed(2)} of llama.cpp`);
}
process.exit(0);
