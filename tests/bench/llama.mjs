// Tokens per second of this lab and of llama.cpp (package node-llama-cpp) on the same GGUF file, by turns in one run; prints one
// `name<TAB>value` a line.
//
//   npm install --ignore-scripts node-llama-cpp@3.21.1      in a folder of its own, whose path NODE_LLAMA names
//   NODE_LLAMA=FOLDER node tests/bench/llama.mjs LAYERLAB SPEED FILE.gguf TEXT [ROUNDS]
//
// Both read the text in windows of 256 tokens. The lab takes the logits of all tokens (perplexity); llama.cpp is asked for none
// but those after each window's last, which spares it most of the head. Both continue a prompt of 32 tokens greedily by 64, one
// token at a time; SPEED is `crates/lab/examples/speed`. Threads: as many as processors for both.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [layerlab, speed, file, text, rounds = "3"] = process.argv.slice(2);
const WINDOW = 256;
const PROMPT = 32;
const WRITTEN = 64;
const required = createRequire(`${process.env.NODE_LLAMA}/package.json`);
const { getLlama } = await import(pathToFileURL(required.resolve("node-llama-cpp")).href);

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });
const model = await llama.loadModel({ modelPath: file });
const threads = cpus().length;
const context = await model.createContext({ contextSize: WINDOW, batchSize: WINDOW, threads });
const tokens = model.tokenize(readFileSync(text, "utf8"));
const sequence = context.getSequence();

async function theirPass() {
  const begun = performance.now();
  for (let first = 0; first < tokens.length; first += WINDOW) {
    await sequence.clearHistory();
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(first, first + WINDOW));
  }
  return (tokens.length / (performance.now() - begun)) * 1000;
}

async function theirText() {
  await sequence.clearHistory();
  let begun = 0;
  let written = 0;
  for await (const _ of sequence.evaluate(tokens.slice(0, PROMPT), { temperature: 0, yieldEogToken: true })) {
    // The prompt's time is that of the first token.
    if (written === 0) begun = performance.now();
    written += 1;
    if (written > WRITTEN) break;
  }
  return ((written - 1) / (performance.now() - begun)) * 1000;
}

function run(program, more) {
  const done = spawnSync(program, more, { maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(done.stderr.toString());
  return done.stdout.toString();
}

function ourPass(weights) {
  const asked = ["eval", "--model", file, "--text", text, "--window", `${WINDOW}`, "--device", "cpu"];
  const report = JSON.parse(run(layerlab, [...asked, "--weights", weights, "--json"]));
  return report.evaluation[0].task.tokens / report.timings.evaluate_seconds;
}

function ourText() {
  const said = run(speed, ["--model", file, "--text", text, "--generate", "true", "--passes", "false", "--repeats", "1"]);
  return Number(said.match(/^layerlab generation\t(.*)$/m)[1]);
}

const found = { "lab, blocks": [], "lab, float32": [], "llama.cpp": [], "lab, generation": [], "llama.cpp, generation": [] };
await theirPass(); // What is read from the disk for the first time counts for nobody.
for (let round = 0; round < Number(rounds); round += 1) {
  found["lab, blocks"].push(ourPass("stored"));
  found["lab, float32"].push(ourPass("f32"));
  found["llama.cpp"].push(await theirPass());
  found["lab, generation"].push(ourText());
  found["llama.cpp, generation"].push(await theirText());
}
const middle = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
for (const [name, speeds] of Object.entries(found)) console.log(`${name}, tokens/s\t${middle(speeds).toFixed(1)}`);
for (const [name, theirs] of [
  ["lab, blocks", "llama.cpp"],
  ["lab, float32", "llama.cpp"],
  ["lab, generation", "llama.cpp, generation"],
]) {
  console.log(`${name}, over llama.cpp\t${(middle(found[name]) / middle(found[theirs])).toFixed(3)}`);
}
process.exit(0);
