// The page's peak WebAssembly memory with a large model on the GPU's path, where weights leave for the device one by one;
// prints `name<TAB>value` lines.
//
//   cargo xtask web
//   node tests/bench/page_memory.mjs FOLDER
//
// FOLDER holds a model in Hugging Face layout, which a server that speaks the Hub's paths hands to the page.
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { launch, open } from "../page/browser.mjs";
import { hub } from "../page/server.mjs";
import { site } from "../page/support.mjs";

const [folder] = process.argv.slice(2);
const PAGE = "?device=gpu&model=bench/large&sequences=1&length=8&endpoint=";

/** Bytes of the largest tensor, as the page holds it: float32. */
async function largestTensor() {
  const file = await openFile(join(folder, "model.safetensors"));
  const { buffer } = await file.read(Buffer.alloc(8), 0, 8, 0);
  const length = Number(buffer.readBigUInt64LE());
  const header = await file.read(Buffer.alloc(length), 0, length, 8);
  await file.close();
  const tensors = Object.entries(JSON.parse(header.buffer.toString())).filter(([name]) => name !== "__metadata__");
  return Math.max(...tensors.map(([, { shape }]) => 4 * shape.reduce((size, length) => size * length, 1)));
}

const [lab, models] = [await site(), await hub(folder, "bench/large")];
const browser = await launch({ gpu: true });
const { page } = await open(browser);
await page.goto(lab.address + PAGE + encodeURIComponent(models.address));
let peak = 0;
// Memory of WebAssembly never shrinks, so that the last look is the peak.
for (let isScored = false; !isScored; ) {
  await page.waitForTimeout(500);
  isScored = await page.evaluate(() => performance.getEntriesByName("layerlab:first-score").length > 0);
  const failure = await page.getByRole("alert").allInnerTexts();
  if (failure.length > 0) throw new Error(failure.join(" "));
  const [text] = await page.locator(".status .soft").allInnerTexts();
  peak = Number.parseFloat(text?.match(/[\d.]+/)?.[0] ?? "0");
}
await browser.close();
await lab.close();
await models.close();
console.log(`wasm memory, large model on the GPU's path, MB\t${peak}`);
console.log(`its largest tensor, MB\t${((await largestTensor()) / 1e6).toFixed(1)}`);
