// Holds GGUF files that `layerlab export` wrote against llama.cpp (package node-llama-cpp): both continue five prompts greedily by 32
// tokens, and the texts are compared. Prints a line a file, and ends with status 1 where llama.cpp refuses one, or a text differs from
// its first character on.
//
//   npm install --ignore-scripts node-llama-cpp@3.21.1      in a folder of its own, whose path NODE_LLAMA names
//   NODE_LLAMA=FOLDER node tests/real/llama_cpp.mjs LAYERLAB FILE.gguf…
//
// Where two tokens are all but equally likely, programs that add up in different orders may take different ones, and go on
// differently from there: how far the texts agree is told.
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [layerlab, ...files] = process.argv.slice(2);
const WRITTEN = 32;
const PROMPTS = [
  "The capital of France is",
  "def add(a, b):\n    return",
  "Once upon a time there was a small",
  "Water is made of hydrogen and",
  "1, 2, 3, 4, 5,",
];
const required = createRequire(`${process.env.NODE_LLAMA}/package.json`);
const { getLlama } = await import(pathToFileURL(required.resolve("node-llama-cpp")).href);
const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" });

/** What we write after a prompt. */
function ours(file, prompt) {
  const asked = ["generate", "--model", file, "--prompt", prompt, "--max-new-tokens", `${WRITTEN}`, "--device", "cpu", "--json"];
  const done = spawnSync(layerlab, asked, { maxBuffer: 1 << 28 });
  if (done.status !== 0) throw new Error(done.stderr.toString());
  return JSON.parse(done.stdout.toString()).text;
}

let failed = false;
for (const file of files) {
  const model = await llama.loadModel({ modelPath: file });
  const context = await model.createContext({ contextSize: 256, threads: cpus().length });
  const sequence = context.getSequence();
  const said = [];
  for (const prompt of PROMPTS) {
    const own = ours(file, prompt);
    const tokens = model.tokenize(prompt);
    const begins = model.tokens.shouldPrependBosToken ? [model.tokens.bos, ...tokens] : tokens;
    await sequence.clearHistory();
    const theirs = [];
    for await (const token of sequence.evaluate(begins, { temperature: 0 })) {
      theirs.push(token);
      if (theirs.length === WRITTEN) break;
    }
    // Ours ends before what its tokenizer knows as an end.
    const text = model.detokenize(theirs, false, begins);
    const same = text === own;
    if (same) {
      said.push("the same");
    } else {
      let place = 0;
      while (place < Math.min(text.length, own.length) && text[place] === own[place]) place += 1;
      said.push(`the same for ${place} of ${own.length} characters`);
      failed ||= place === 0;
    }
  }
  console.log(`${file}: ${said.join(", ")}`);
  await context.dispose();
  await model.dispose();
}
process.exit(failed ? 1 : 0);
