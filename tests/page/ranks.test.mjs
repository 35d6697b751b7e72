// The map of ranks holds any number of layers, and can be read by keys; scores lie on an axis that suits them.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ready } from "./browser.mjs";
import { native, visits } from "./support.mjs";

const QUERY = "device=cpu&sequences=4&length=32&items=1";
const LAYERS = 80;
const lab = visits();

/** A report of Atlas's scores, as if it had so many layers. */
async function longReport() {
  const report = native("score", "--max-sequences", "4", "--resamples", "20");
  const { scoring } = report;
  const stretched = (layers) =>
    Array.from({ length: LAYERS }, (_, layer) => ({ ...layers[layer % layers.length], layer }));
  scoring.statistics = stretched(scoring.statistics);
  for (const method of scoring.scores.methods) {
    method.layers = stretched(method.layers).map((score) => ({ ...score, rank: 1 + ((score.layer * 37) % LAYERS) }));
  }
  // Over four decades.
  for (const score of scoring.scores.methods.find(({ id }) => id === "avss").layers) {
    Object.assign(score, { value: 10 ** (score.layer / 20), low: null, high: null });
  }
  report.model.layers = LAYERS;
  const path = join(await lab.folder(), "long.json");
  await writeFile(path, JSON.stringify(report));
  return path;
}

test("eighty layers fit a phone and a desk, and keys read every cell", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?${QUERY}&method=avss`);
  await ready(page);
  await page.getByRole("link", { name: "Report" }).click();
  await page.getByTestId("open-report").setInputFiles(await longReport());
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByTestId("origin").filter({ hasText: "from a file" }).waitFor();
  const chart = page.getByRole("img", { name: "AVSS of every layer", exact: true });
  assert.equal(await chart.getByText("AVSS (logarithmic)").count(), 1);
  const ranks = page.getByTestId("ranks");
  await ranks.waitFor();
  for (const width of [390, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    const cells = ranks.locator('tr[data-method="avss"] td.number');
    assert.equal(await cells.count(), LAYERS);
    const [first, last] = [await cells.first().boundingBox(), await cells.last().boundingBox()];
    assert.ok(first.x > 0 && last.x + last.width <= width, `${last.x + last.width} of ${width}`);
    assert.ok(last.width > 1.5, `${last.width}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${wide} of ${width}`);
  }
  await page.getByRole("region", { name: "Ranks of every layer by every method" }).focus();
  const told = page.getByRole("status").filter({ hasText: /^layer / });
  await page.keyboard.press("ArrowRight");
  // The measured loss change stands first, then what goes with it most.
  assert.match(await told.innerText(), /^layer 0 by loss change: .* rank 1;/);
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  const second = await ranks.locator("tbody tr").nth(1).locator("th").innerText();
  assert.match(await told.innerText(), new RegExp(`^layer 1 by ${second.trim()}: .* rank 38;`));
  assert.deepEqual(errors, []);
});

test("the axis of scores can be chosen", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=layers&${QUERY}&tap=update&method=avss`);
  await ready(page);
  const chart = page.getByRole("img", { name: "AVSS of every layer", exact: true });
  const axis = page.getByLabel("axis");
  await chart.waitFor();
  for (const choice of ["linear", "logarithmic"]) {
    await axis.selectOption(choice);
    assert.equal(await chart.getByText("(logarithmic)").count(), choice === "logarithmic" ? 1 : 0);
    assert.ok(new URL(page.url()).search.includes(`axis=${choice}`));
  }
  assert.deepEqual(errors, []);
});
