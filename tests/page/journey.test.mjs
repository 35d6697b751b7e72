// The whole way of a visitor, on the CPU with all of the text and on a GPU that the processor imitates with a slice of it;
// what the page finds equals what the command finds.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { launch, open, ready, scored } from "./browser.mjs";
import { DIST, assertSameScores, downloaded, drag, modulesAsked, report, site, visits } from "./support.mjs";

const TOLERANCE = 1e-3;
const lab = visits();

/** What the command says of a slice of the bundled text. */
function nativeScores(sequences, length) {
  const cut = ["--max-sequences", String(sequences), "--sequence-length", String(length)];
  const score = ["score", "--device", "cpu", "--loss-change", "--json", ...cut];
  return JSON.parse(execFileSync(process.env.LAYERLAB, score, { maxBuffer: 1 << 28 }));
}

/** The order in which AVSS removes layers, as the table shows it. */
function avssRanks(page) {
  return page.locator('[data-testid="ranks"] tr[data-method="avss"] td.number').allInnerTexts();
}

async function journey(page, { removed, expected, outcome, isBrief = false }) {
  await scored(page);
  await page.getByRole("link", { name: "Layers" }).click();
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
  const live = await report(page);
  assertSameScores(live, expected, TOLERANCE);

  // The threshold moves the scores at once, without another pass: the report's times stay.
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByLabel("tap", { exact: true }).selectOption("update");
  const before = await avssRanks(page);
  await drag(page.getByLabel("sparsity threshold ε", { exact: true }), 1);
  await page.waitForFunction(
    (old) => {
      const cells = document.querySelectorAll('[data-testid="ranks"] tr[data-method="avss"] td.number');
      return [...cells].map((cell) => cell.textContent.trim()).join() !== old;
    },
    before.join(),
    { timeout: 30_000 },
  );
  assert.match(page.url(), /epsilon=rel:2/);

  await page.getByRole("link", { name: "Prune" }).click();
  for (const layer of removed) {
    await page.getByRole("button", { name: new RegExp(`^block ${layer}\\b`) }).click();
  }
  assert.equal(await page.getByTestId("removed").innerText(), removed.join(", "));
  await page.getByRole("button", { name: "See what that costs" }).click();
  await page.getByTestId("kept").waitFor({ timeout: 240_000 });
  await ready(page);
  if (outcome !== undefined) {
    const row = page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td').nth(1);
    const shown = Number.parseFloat(await row.innerText());
    assert.ok(Math.abs(shown / outcome - 1) < TOLERANCE, `${shown} against ${outcome}`);
    assert.match(await row.innerText(), /bits\/byte/);
    assert.match(
      await page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td').last().innerText(),
      /^[\d.e-]+( \*)?$/,
    );
  }
  if (!isBrief) {
    await page.getByRole("button", { name: "Let them answer" }).click();
    await page.getByTestId("pruned").filter({ hasNotText: "–" }).waitFor({ timeout: 60_000 });
    await ready(page);
    const [whole, pruned] = [page.getByTestId("whole"), page.getByTestId("pruned")];
    assert.notEqual(await whole.innerText(), await pruned.innerText());
  }
  await page.getByRole("button", { name: "Undo" }).click();
  assert.equal(await page.getByTestId("removed").innerText(), removed.slice(0, -1).join(", "));
}

test("on the CPU, with all of the text", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=layers&device=cpu&items=200&wait=600`);
  await page.getByTestId("origin").waitFor();
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "native");
  const native = JSON.parse(await readFile(join(DIST, "atlas/report.json"), "utf8"));
  const [first] = native.pruning.outcomes.filter((one) => one.removed.join() === "4,5,9");
  const perplexity = first.tasks[0].metrics[0].value;
  await journey(page, { removed: [4, 5, 9], expected: native, outcome: perplexity });

  await page.getByRole("link", { name: "Report" }).click();
  const written = async (name) => {
    const click = () => page.getByRole("button", { name, exact: true }).click();
    return (await downloaded(page, click)).toString();
  };
  assert.match(await written("HTML with charts"), /<svg/);
  assert.match(await written("Markdown"), /\| *AVSS/);
  assert.match(await written("CSV"), /relative_avss/);

  // The command's own report opens, and compares.
  await page.getByTestId("open-report").setInputFiles(join(DIST, "atlas/report.json"));
  await page.getByText("from a file").waitFor();
  await page.getByTestId("compare-report").setInputFiles(join(DIST, "atlas/report.json"));
  await page.getByTestId("compared").waitFor();
  assert.equal(await page.getByTestId("compared").getByText("differs").count(), 0);
  await page.getByTestId("open-report").setInputFiles(join(DIST, "atlas/config.json"));
  await page.getByText(/config.json is no report of LayerLab/).waitFor();
  await page.getByRole("button", { name: "Close the opened report" }).click();

  // The pruned model as a zip, where the browser gives no folder.
  await page.evaluate(() => delete window.showDirectoryPicker);
  await page.getByRole("link", { name: "Prune" }).click();
  const click = () => page.getByRole("button", { name: "Save the pruned model" }).click();
  const zip = await downloaded(page, click);
  for (const name of ["config.json", "model.safetensors", "tokenizer.json", "mergekit.yaml", "layerlab.json"]) {
    assert.ok(zip.includes(name), `${name} in the zip`);
  }
  assert.deepEqual(errors, []);
});

// What was counted exactly below 1e-5 answers for 1e-5 alone.
test("an absolute threshold can be dragged", async () => {
  const { page, errors } = await lab.open();
  const share = async () =>
    Number.parseFloat((await page.getByTestId("detail").innerText()).match(/below ε\s+([\d.e-]+)/)[1]);
  await page.goto(`${lab.host.address}?device=cpu&sequences=2&length=32&items=1&epsilon=1e-5&view=layers&layer=3`);
  await scored(page);
  const before = await share();
  await drag(page.getByLabel("sparsity threshold ε", { exact: true }), -1.625);
  await page.waitForURL(/epsilon=0\.324/);
  await page.waitForFunction(
    (old) => {
      const detail = document.querySelector('[data-testid="detail"]').textContent;
      return Number.parseFloat(detail.match(/below ε\s+([\d.e-]+)/)[1]) > 10 * old + 0.01;
    },
    before,
    { timeout: 30_000 },
  );
  assert.deepEqual(errors, []);
});

test("without relaxed SIMD, on the CPU, with a slice of the text", async () => {
  const plain = lab.closing(await site({ workerLine: "WebAssembly.validate = () => false;" }));
  // The service worker would ask for the module of this browser.
  const { page, errors } = await lab.open({ serviceWorkers: "block" });
  await page.goto(`${plain.address}?device=cpu&sequences=2&length=32&items=1`);
  await scored(page);
  assert.deepEqual(modulesAsked(plain), { fused: 0, plain: 1 });
  assertSameScores(await report(page), nativeScores(2, 32), TOLERANCE);
  assert.deepEqual(errors, []);
});

test("on WebGPU imitated by the processor, with a slice of the text", async () => {
  const browser = lab.closing(await launch({ gpu: true }));
  const { page, errors } = await open(browser);
  await page.goto(`${lab.host.address}?device=gpu&sequences=2&length=32&items=1`);
  await journey(page, { removed: [4, 5, 9], expected: nativeScores(2, 32), isBrief: true });
  assert.match(await page.locator(".chip").first().innerText(), /software GPU/);
  assert.deepEqual(errors, []);
});
