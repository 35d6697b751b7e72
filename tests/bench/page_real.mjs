// How long a visitor waits with a real model: `node tests/bench/page_real.mjs MODEL [MODEL…]`, each a GGUF file or a folder in
// Hugging Face layout. Headless Chromium, on the CPU. A line of JSON for each model.
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { launch, open, ready } from "../page/browser.mjs";
import { filesOf, site } from "../page/support.mjs";

const LONG = 3_600_000;

const host = await site();
const browser = await launch();
for (const model of process.argv.slice(2)) {
  const files = (await stat(model)).isDirectory() ? await filesOf(model) : [model];
  const { page } = await open(browser);
  // Atlas is scored first; marks of what came before the file do not count.
  await page.goto(`${host.address}?view=model&device=cpu`);
  await ready(page, LONG);
  const dropped = await page.evaluate(() => performance.now());
  await page.getByTestId("files").setInputFiles(files);
  const after = (name) =>
    page.waitForFunction(
      ([wanted, from]) =>
        performance.getEntriesByName(`layerlab:${wanted}`).find(({ startTime }) => startTime > from)?.startTime ?? false,
      [name, dropped],
      { timeout: LONG, polling: 50 },
    );
  const seconds = async (name) => Number((((await (await after(name)).jsonValue()) - dropped) / 1000).toFixed(1));
  const found = { model: basename(model), first_scores: await seconds("first-score"), loss_change: await seconds("loss-change") };
  found.unasked = await seconds("all-scores");
  await ready(page, LONG);
  const timed = async (click) => {
    const before = performance.now();
    await click();
    await ready(page, LONG);
    return Number(((performance.now() - before) / 1000).toFixed(1));
  };
  await page.getByRole("link", { name: "Layers" }).click();
  found.measured_on = await page.getByTestId("further").innerText();
  await page.getByRole("button", { name: /^Remove the / }).click();
  const estimates = () => page.locator("main").getByText(/^about /).allInnerTexts();
  found.estimates = await estimates();
  found.judged = await timed(() => page.getByRole("button", { name: "See what that costs" }).click());
  found.healed = await timed(() => page.getByRole("button", { name: "Heal what is left" }).click());
  found.answers = await timed(() => page.getByRole("button", { name: "Let them answer" }).click());
  found.kept = await page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td').allInnerTexts();
  await page.getByRole("link", { name: "Model" }).click();
  found.workers = await page.getByTestId("workers").innerText();
  found.memory = await page.locator(".status .soft").first().innerText();
  console.log(JSON.stringify(found));
  await page.context().close();
}
await browser.close();
await host.close();
