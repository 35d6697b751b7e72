// Scoring in the page beside the command, and beside onnxruntime-web running the same Atlas, in one run; prints one
// `name<TAB>value` a line, tokens per second where the name does not say otherwise.
//
//   cargo xtask web
//   python tests/bench/onnx_export.py crates/atlas/model FOLDER/atlas.onnx
//   LAYERLAB=path/to/layerlab node tests/bench/page_speed.mjs FOLDER
//
// FOLDER holds atlas.onnx and an npm installation of onnxruntime-web. Its forward pass ends in logits of every position; ours
// takes statistics of six taps in every block instead and needs no logits.
import { execFileSync } from "node:child_process";
import { launch, open, scored } from "../page/browser.mjs";
import { host } from "../page/server.mjs";
import { report, site } from "../page/support.mjs";

const [folder] = process.argv.slice(2);
const RUNS = 5;
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

function native(threads) {
  const taps = ["score", "--device", "cpu", "--json"];
  const rates = Array.from({ length: RUNS }, () => {
    const env = { ...process.env, RAYON_NUM_THREADS: String(threads) };
    const json = execFileSync(process.env.LAYERLAB, taps, { maxBuffer: 1 << 28, env, stdio: ["ignore", "pipe", "ignore"] });
    return JSON.parse(json).timings.tokens_per_second;
  });
  return median(rates);
}

/** Tokens per second of the pass in our page, and when it showed what, in seconds from the navigation. */
async function page(browser, address, query) {
  const { page, context } = await open(browser);
  await page.goto(address + query);
  await scored(page, 500_000);
  const marks = await page.evaluate(() => {
    const named = (name) => performance.getEntriesByName(name)[0].startTime / 1000;
    return ["first-contentful-paint", "layerlab:device", "layerlab:first-score", "layerlab:all-scores"].map(named);
  });
  const memory = await page.locator(".status .soft").first().innerText();
  const { timings } = await report(page);
  await context.close();
  return { rate: timings.tokens_per_second, marks, memory };
}

/** Tokens per second of onnxruntime-web's forward pass. */
async function onnx(browser, address, provider, batch, tokens) {
  const { page, context } = await open(browser);
  // Any page of that origin will do.
  await page.goto(`${address}package.json`);
  const seconds = await page.evaluate(
    async ({ address, provider, batch, tokens, runs }) => {
      const ort = await import(`${address}node_modules/onnxruntime-web/dist/ort.all.min.mjs`);
      // As on a host without COOP and COEP, where ours runs too.
      ort.env.wasm.numThreads = 1;
      ort.env.wasm.wasmPaths = `${address}node_modules/onnxruntime-web/dist/`;
      const session = await ort.InferenceSession.create(`${address}atlas.onnx`, { executionProviders: [provider] });
      const ids = BigInt64Array.from({ length: batch * tokens }, (_, index) => BigInt((index * 7919) % 1536));
      const feeds = { input_ids: new ort.Tensor("int64", ids, [batch, tokens]) };
      const times = [];
      for (let run = 0; run <= runs; run += 1) {
        const start = performance.now();
        const { logits } = await session.run(feeds);
        await logits.getData();
        times.push((performance.now() - start) / 1000);
      }
      // The first compiles and allocates.
      return times.slice(1);
    },
    { address, provider, batch, tokens, runs: RUNS },
  );
  await context.close();
  return (batch * tokens) / median(seconds);
}

const [ours, theirs] = [await site(), await host(folder)];
const rows = [];
const tell = (name, rate) => rows.push([name, rate]);
const cpu = await launch();
tell("command, 2 threads", native(2));
tell("command, 1 thread", native(1));
const onCpu = await page(cpu, ours.address, "?device=cpu");
tell("page, CPU", onCpu.rate);
tell("page, CPU, 1 worker", (await page(cpu, ours.address, "?device=cpu&workers=1")).rate);
tell("onnxruntime-web, wasm, 1 thread", await onnx(cpu, theirs.address, "wasm", 4, 256));
await cpu.close();
const gpu = await launch({ gpu: true });
const onGpu = await page(gpu, ours.address, "?device=gpu&sequences=2&length=64");
tell("page, WebGPU on the processor, 128 tokens", onGpu.rate);
try {
  tell("onnxruntime-web, WebGPU on the processor, 128 tokens", await onnx(gpu, theirs.address, "webgpu", 2, 64));
} catch (error) {
  console.log(`onnxruntime-web, WebGPU: ${error}`);
}
await gpu.close();
await ours.close();
await theirs.close();
for (const [name, rate] of rows) console.log(`${name}\t${rate.toFixed(0)}`);
for (const [name, { marks, memory }] of [["CPU", onCpu], ["WebGPU on the processor", onGpu]]) {
  const [paint, device, first, all] = marks;
  for (const [what, value] of Object.entries({ paint, device, "first scores": first, "all scores": all })) {
    console.log(`${what}, ${name}, seconds\t${value.toFixed(2)}`);
  }
  console.log(`wasm memory, ${name}, MB\t${Number.parseFloat(memory.match(/[\d.]+/)?.[0] ?? "NaN")}`);
}
