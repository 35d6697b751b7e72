// What was cut is healed in the page as the command heals it.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { ready } from "./browser.mjs";
import { downloaded, native, visits } from "./support.mjs";

const REMOVED = [3, 4, 5];
/** Floating point in another order. */
const TOLERANCE = 1e-3;

const lab = visits();

/** What the command makes of the same cut. */
async function natively(way) {
  const output = join(await lab.folder(), "healed");
  const given = ["prune", "--layers", REMOVED.join(), "--heal", way, "--device", "cpu", "--output", output];
  return native(...given).healing;
}

async function cut(page) {
  await page.getByRole("link", { name: "Prune" }).click();
  for (const layer of REMOVED) {
    await page.getByRole("button", { name: new RegExp(`^block ${layer}\\b`) }).click();
  }
}

async function heal(page, way) {
  await page.getByLabel("heal by", { exact: true }).selectOption(way);
  await page.getByRole("button", { name: "Heal what is left" }).click();
  await page.getByTestId("healing").waitFor({ timeout: 300_000 });
  await ready(page);
}

/** What the page's own copy of the answer says: figures as they are shown have four digits. */
const shown = async (locator) => Number.parseFloat(await locator.innerText());

test("a refit in the page is the command's", async () => {
  const expected = await natively("refit");
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?device=cpu&items=20`);
  await ready(page);
  await cut(page);
  assert.equal(await page.getByTestId("healing").count(), 0);
  const begun = performance.now();
  await heal(page, "refit");
  assert.ok(performance.now() - begun < 240_000);

  const said = await page.getByTestId("healing").innerText();
  for (const gap of expected.gaps) {
    const line = new RegExp(`layer ${gap.layer}: .*loss ([\\d.]+) to ([\\d.]+) nats`).exec(said);
    assert.ok(line !== null, said);
    assert.ok(Math.abs(line[1] / gap.loss_before - 1) < TOLERANCE, `${line[1]} and ${gap.loss_before}`);
    assert.ok(Math.abs(line[2] / gap.loss_after - 1) < TOLERANCE, `${line[2]} and ${gap.loss_after}`);
    assert.ok(gap.lambda === undefined || said.includes(`λ = ${gap.lambda.toExponential(0)}`), said);
  }
  const row = page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td');
  const [whole, pruned, healed] = await Promise.all([0, 1, 4].map((column) => shown(row.nth(column))));
  assert.ok(whole < healed && healed < pruned, `${whole} ${healed} ${pruned}`);

  await page.getByRole("button", { name: "Let them answer" }).click();
  await page.getByTestId("healed").filter({ hasNotText: "–" }).waitFor({ timeout: 60_000 });
  await ready(page);

  // What is written is the healed model, with what was done.
  await page.evaluate(() => delete window.showDirectoryPicker);
  const click = () => page.getByRole("button", { name: "Save the healed model" }).click();
  const zip = await downloaded(page, click);
  const text = zip.toString("latin1");
  assert.ok(text.includes('"healing"') && text.includes("healed_on"));
  assert.ok(!text.includes("mergekit.yaml"));

  // Another cut is not healed, and the same one is again.
  await page.getByRole("button", { name: "Undo", exact: true }).click();
  assert.equal(await page.getByTestId("healing").count(), 0);
  const again = () => page.getByRole("button", { name: "Save the pruned model" }).click();
  const unhealed = (await downloaded(page, again)).toString("latin1");
  assert.ok(unhealed.includes("mergekit.yaml") && !unhealed.includes("healed_on"));
  assert.deepEqual(errors, []);
});

test("a distillation is shown as it goes, and can be ended early", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?device=cpu&items=20&sequences=16`);
  await ready(page);
  await cut(page);
  await page.getByLabel("heal by", { exact: true }).selectOption("refit_distil");
  await page.getByRole("button", { name: "Heal what is left" }).click();
  await page.getByRole("img", { name: "divergence from the whole model" }).waitFor({ timeout: 240_000 });
  await page.getByRole("button", { name: "Stop, keep the best" }).click();
  await page.getByTestId("healing").waitFor({ timeout: 300_000 });
  await ready(page);
  const row = page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td');
  assert.ok((await shown(row.nth(4))) < (await shown(row.nth(1))));
  assert.deepEqual(errors, []);
});

test("what cannot be healed is named, and the cut stays", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?device=cpu&items=20&removed=0`);
  await ready(page);
  await page.getByRole("link", { name: "Prune" }).click();
  if ((await page.getByTestId("removed").innerText()) !== "0") {
    await page.getByRole("button", { name: /^block 0\b/ }).click();
  }
  await page.getByRole("button", { name: "Heal what is left" }).click();
  await page.getByText(/begin with the first/).waitFor({ timeout: 120_000 });
  assert.equal(await page.getByTestId("removed").innerText(), "0");
  assert.equal(await page.getByTestId("healing").count(), 0);
});

test("layers are chosen by right answers on the healed model, and the model writes the text that heals it", async () => {
  const { page, errors } = await lab.open();
  const chosen = "method=loss_change&count=2&schedule=iterative_refit&on=task";
  await page.goto(`${lab.host.address}?device=cpu&items=10&sequences=16&length=64&${chosen}`);
  await ready(page);
  await page.getByRole("link", { name: "Prune" }).click();
  const choose = async (on) => {
    await page.getByLabel("measured on").selectOption(on);
    await page.getByRole("button", { name: "Choose", exact: true }).click();
    await page.getByRole("status").filter({ hasText: "Choosing layers" }).waitFor();
    await ready(page);
    return page.getByTestId("removed").innerText();
  };
  const byAnswers = await choose("task");
  const byText = await choose("text");
  for (const removed of [byAnswers, byText]) {
    const layers = removed.split(", ").map(Number);
    assert.equal(layers.length, 2, removed);
    // Before the first layer is nothing that could heal the gap.
    assert.ok(!layers.includes(0), removed);
  }
  assert.notEqual(byAnswers, byText);
  const sorted = byText.split(", ").sort((a, b) => a - b);
  await page.getByText(`llama-quantize --prune-layers ${sorted.join()} whole.gguf`).waitFor();

  await page.getByLabel("learn from").selectOption("what the whole model writes");
  await heal(page, "refit");
  // Sixteen sequences of 64 tokens, two of which choose.
  assert.match(await page.getByTestId("healing").innerText(), /learned from 896 tokens, and judged on\s+128 others/);
  assert.equal(await page.getByText("llama-quantize").count(), 0);
  assert.deepEqual(errors, []);
});

test("every method's model is healed where that is asked for, and a table says what came of it", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?device=cpu&items=10&sequences=16&length=64&count=2`);
  await ready(page);
  await page.getByRole("link", { name: "Prune" }).click();
  await page.getByLabel("and heal each by refit").check();
  await page.getByRole("button", { name: "Prune by every method, here" }).click();
  await page.getByRole("status").filter({ hasText: "Pruning by every method" }).waitFor();
  await ready(page);
  const lines = await page.locator('[data-testid="healed-table"] tbody tr').allInnerTexts();
  // A method's name stands before the first of its lines alone.
  let method = "";
  const rows = lines.map((line) => {
    const cells = line.split("\t").map((cell) => cell.trim());
    if (cells.length === 6) [method] = cells.splice(0, 1);
    const [way, kept, agreement, repeating, layers] = cells;
    return { method, way, kept, agreement, repeating, layers };
  });
  const of = (way) => rows.filter((row) => row.way === way);
  const [unhealed, healed] = [of("not healed"), of("refit")];
  assert.ok(healed.length > 3 && unhealed.length >= healed.length, lines.join("\n"));
  for (const { method, kept, agreement, repeating, layers } of [...unhealed, ...healed]) {
    assert.match(kept, /^[\d.e-]+ \[/, method);
    assert.match(agreement, /^[01](\.\d+)? \[/, method);
    assert.match(repeating, /^\d+ of \d+$/, method);
    assert.match(layers, /^[012]\+?$/, method);
  }
  const share = (row) => Number.parseFloat(row.kept);
  const better = healed.filter((row) => share(row) > share(unhealed.find((other) => other.method === row.method)));
  assert.ok(better.length > healed.length / 2, lines.join("\n"));
  assert.deepEqual(errors, []);
});
