// Other workers that help on the CPU: the same figures with them, without them, and when they die.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { DEMO, filesOf, report, site, visits } from "./support.mjs";

// All at once, however slow the machine: of parts, sums differ in the last digits.
const QUERY = "?device=cpu&sequences=24&items=10&wait=600";
const lab = visits();

/** What a report says of the model: not when, how fast, and on how many threads. */
function findings({ scoring, pruning, evaluation, warnings }) {
  // Helpers judge models in smaller groups, whose passes share less.
  const passes = pruning?.block_passes.filter(({ purpose }) => purpose !== "judging models");
  return { scoring, pruning: pruning && { ...pruning, block_passes: passes }, evaluation, warnings };
}

/** Scores with so many workers at most. */
async function scores(page, workers) {
  await page.goto(`${lab.host.address}${QUERY}&workers=${workers}`);
  await scored(page);
}

test("several workers find what one finds, to the last digit", async () => {
  const found = [];
  for (const workers of [1, 3]) {
    const { page, errors } = await lab.open();
    await scores(page, workers);
    // One alone is the page's own; several are led by it.
    assert.equal(page.workers().length, workers === 1 ? 1 : workers + 1);
    const threads = workers === 1 ? /CPU, \d+ thread/ : /CPU, 3 threads/;
    assert.match(await page.locator(".status .chip").first().innerText(), threads);
    const scoring = findings(await report(page));
    await page.getByRole("link", { name: "Prune" }).click();
    await page.getByRole("button", { name: "Prune by every method, here" }).click();
    await page.getByRole("status").filter({ hasText: "Pruning by every method" }).waitFor();
    await ready(page);
    found.push([scoring, findings(await report(page))]);
    assert.deepEqual(errors, []);
  }
  assert.ok(found[0][1].pruning.outcomes.length > 3);
  assert.deepEqual(found[0], found[1]);
});

test("helpers that cannot start, or die, leave their work to the page's own worker", async () => {
  const { page } = await lab.open();
  await scores(page, 1);
  const alone = findings(await report(page));
  const fates = {
    "cannot start": `if (self.name === "helper") throw new Error("no helper here");`,
    die: `if (self.name === "helper") new BroadcastChannel("die").onmessage = () => { throw new Error("gone"); };`,
  };
  for (const [fate, line] of Object.entries(fates)) {
    const { page } = await lab.open();
    const hooked = lab.closing(await site({ workerLine: line }));
    await page.goto(`${hooked.address}${QUERY}&workers=2`);
    if (fate === "die") {
      // One that has begun is in the middle of something.
      await page.getByText(/leaving out each layer, [1-9]\d* of/).waitFor({ timeout: 60_000 });
      await page.evaluate(() => new BroadcastChannel("die").postMessage(""));
    }
    await scored(page);
    assert.deepEqual(findings(await report(page)), alone, fate);
    assert.equal(page.workers().length, 1, `helpers that ${fate} are ended`);
  }
});

test("a model that is picked while helpers work takes its place, and nothing of the first is shown", async () => {
  const { page, errors } = await lab.open();
  await scores(page, 1);
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByTestId("files").setInputFiles(await filesOf(DEMO));
  await page.locator(".chip", { hasText: /^picked files$/ }).waitFor();
  await scored(page, 60_000, 2);
  const alone = findings(await report(page));

  await page.goto(`${lab.host.address}${QUERY}&workers=3&view=model`);
  // Helpers have begun: each holds the first model and is in the middle of a share.
  await page.getByText(/leaving out each layer, [1-9]\d* of/).waitFor({ timeout: 60_000 });
  await page.getByTestId("files").setInputFiles(await filesOf(DEMO));
  await page.locator(".chip", { hasText: /^picked files$/ }).waitFor();
  await scored(page, 60_000);
  assert.deepEqual(findings(await report(page)), alone);
  assert.equal(page.workers().length, 4, "the first model's helpers are ended, the second's compute");
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(errors, []);
});
