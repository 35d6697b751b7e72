// Where a visitor arrives, and what others are sent: the overview, losses measured by and by, charts as files, links, reports by
// their address.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { DEMO, assertSameScores, chip, downloaded, native, report, site, visits } from "./support.mjs";

const SHORT = "device=cpu&sequences=2&length=32&items=1";
const lab = visits();

test("the page opens on what was found about Atlas, and leads on", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  const overview = page.getByTestId("overview");
  // The command's measurements are there before the page's own.
  await overview.getByText(/What is lost without each layer: .* cost least/).waitFor();
  await overview.getByRole("img", { name: "the layers that each score would take out" }).waitFor();
  await scored(page);
  const take = overview.getByRole("button", { name: /^Take .* out$/ });
  const named = (await take.innerText()).match(/\d+/g).map(Number);
  assert.equal(named.length, 3);
  await take.click();
  assert.equal(await page.getByTestId("removed").innerText(), named.join(", "));
  await page.goBack();
  await page.getByRole("button", { name: "See how sure that is" }).click();
  await page.getByTestId("ranks").waitFor();
  assert.deepEqual(errors, []);
});

test("where all would take too long, losses of some sequences come first; of all, they are the command's", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?view=layers&device=cpu&sequences=8&length=64&wait=0.001`);
  await scored(page);
  const further = page.getByTestId("further");
  const some = await report(page);
  assert.ok(some.scoring.data.sequences < 8, "as many as fit");
  await page.getByRole("link", { name: "Layers" }).click();
  await further.getByRole("button", { name: /^Score on all 8 sequences, about / }).click();
  await scored(page, 60_000, 1);
  await ready(page);
  const known = (await report(page)).scoring;
  assert.equal(known.data.sequences, 8);
  assert.ok(known.loss_sequences < 8, `${known.loss_sequences} of 8`);
  await page.getByRole("link", { name: "Layers" }).click();
  await further.getByText(new RegExp(`measured on ${known.loss_sequences} of 8 sequences`)).waitFor();
  await page.getByText(`on ${known.loss_sequences} of 8 sequences so far`).waitFor();
  await further.getByRole("button", { name: /^Measure it on the rest, about / }).click();
  await further.waitFor({ state: "detached", timeout: 120_000 });
  await ready(page);
  const all = await report(page);
  assert.equal(all.scoring.loss_sequences, 8);
  const cut = ["--max-sequences", "8", "--sequence-length", "64"];
  assertSameScores(all, native("score", "--device", "cpu", "--loss-change", ...cut), 1e-3);
  assert.deepEqual(errors, []);
});

test("the method in view is the score that the measured loss change backs", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=layers&${SHORT}`);
  await scored(page);
  const { scoring } = await report(page);
  const isScore = new Set(scoring.scores.methods.filter(({ role }) => role === "ranking").map(({ id }) => id));
  const backed = scoring.scores.agreement.loss_change.filter(({ method }) => isScore.has(method));
  const [best] = backed.toSorted((one, other) => other.spearman - one.spearman);
  await page.getByRole("link", { name: "Layers" }).click();
  const method = page.getByRole("combobox", { name: "method" });
  assert.equal(await method.inputValue(), best.method);
  assert.doesNotMatch(page.url(), /method=/);
  // Its points against the loss stand beside it, with the correlation.
  const said = new RegExp(`\\(ρ ${best.spearman.toFixed(3).replace("-", "[-−]")}`);
  await page.getByText(said).waitFor();
  await method.selectOption("avss");
  await page.waitForURL(/method=avss/);
});

test("a chart is saved as SVG, as PNG and as its numbers", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=layers&${SHORT}&method=avss`);
  await scored(page);
  await page.locator("summary", { hasText: "Save" }).first().click();
  const saved = (name) => downloaded(page, () => page.getByRole("button", { name }).first().click());
  const svg = (await saved("SVG")).toString();
  const problem = await page.evaluate((text) => {
    const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
    return parsed.querySelector("parsererror")?.textContent ?? null;
  }, svg);
  assert.equal(problem, null);
  assert.match(svg, /AVSS would remove .* first/);
  const png = await saved("PNG");
  assert.equal(png.subarray(1, 4).toString(), "PNG");
  assert.ok(png.length > 5000, `${png.length} bytes`);
  const rows = (await saved("its numbers as CSV")).toString().trim().split("\r\n");
  assert.equal(rows.length, 13);
  assert.match(rows[0], /^method,layer,value,low,high,rank/);
  const { scoring } = await report(page);
  const avss = scoring.scores.methods.find(({ id }) => id === "avss");
  assert.equal(Number(rows[1].split(",")[2]), avss.layers[0].value);
});

test("the frontier shows what is worth keeping; what is not stands at its edge with its value", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=prune&${SHORT}`);
  const chart = page.getByRole("img", { name: /perplexity kept, against layers removed/ });
  // AVSS takes the first layer out, after which less than a thousandth is kept.
  await chart.getByText(/^↓ \d/).waitFor();
  await chart.getByText("90 %", { exact: true }).waitFor();
  const dashed = await chart.evaluate(
    (svg) => svg.querySelectorAll('path[stroke-dasharray="5 4"], g[stroke-dasharray="5 4"]').length,
  );
  assert.ok(dashed > 0, "as cut beside healed");
  await page.getByText(/^Without 3 layers, .* keeps most of perplexity: .*; AVSS least: /).waitFor();
  await scored(page);
});

test("an opened report is shown as what it is, and not beside Atlas's sentences", async () => {
  const folder = await lab.folder();
  const file = join(folder, "other.json");
  const other = native(
    "score",
    "--model",
    DEMO,
    "--text",
    join(DEMO, "text.txt"),
    "--device",
    "cpu",
    "--resamples",
    "0",
  );
  await writeFile(file, JSON.stringify(other));
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=report&${SHORT}`);
  await scored(page);
  await page.getByTestId("open-report").setInputFiles(file);
  await page.getByRole("link", { name: "Overview" }).click();
  const overview = page.getByTestId("overview");
  await overview.getByText("From a file.").waitFor();
  await overview.getByRole("heading", { name: new RegExp(other.model.name) }).waitFor();
  assert.deepEqual(await overview.getByTestId("conclusions").getByRole("listitem").allInnerTexts(), other.conclusions);
  assert.equal(await overview.getByRole("button", { name: /^Take / }).count(), 0);
});

test("the link that is copied is the address, and a report is opened from one", async () => {
  const { page, context } = await lab.open();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto(`${lab.host.address}?view=layers&${SHORT}&method=avss`);
  await scored(page);
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByText("Copied", { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), page.url());

  // This page's own server is asked without a question.
  await page.goto(`${lab.host.address}?view=layers&${SHORT}&report=atlas/report.json`);
  await page.getByTestId("origin").filter({ hasText: "from a file" }).waitFor({ timeout: 60_000 });
  await page.goto(`${lab.host.address}?view=layers&${SHORT}&report=atlas/config.json`);
  await page.getByRole("alert").filter({ hasText: "atlas/config.json cannot be opened" }).waitFor({ timeout: 60_000 });
  await scored(page);
  await chip(page, "atlas").waitFor();
});

test("a report elsewhere is asked for after the visitor has agreed, and not else", async () => {
  const elsewhere = lab.closing(await site({ others: true }));
  const { page } = await lab.open();
  const address = `${lab.host.address}?view=layers&${SHORT}&report=${encodeURIComponent(`${elsewhere.address}atlas/report.json`)}`;
  await page.goto(address);
  const question = page.getByTestId("consent");
  await question.filter({ hasText: "report.json" }).waitFor({ timeout: 60_000 });
  assert.deepEqual(elsewhere.state.requests, []);
  await question.getByRole("button", { name: "Do not" }).click();
  await scored(page);
  assert.deepEqual(elsewhere.state.requests, []);
  assert.doesNotMatch(page.url(), /report=/);
  await page.goto(address);
  await question.getByRole("button", { name: /^Ask / }).click({ timeout: 60_000 });
  await page.getByTestId("origin").filter({ hasText: "from a file" }).waitFor({ timeout: 60_000 });
});

test("no nonsense in the address leaves the page blank or locked", async () => {
  const nonsense = [
    "view=nowhere",
    "epsilon=banana",
    "epsilon=-1",
    "method=magic",
    "layer=500",
    "layer=x",
    "removed=99,abc,-1",
    "count=-7",
    "count=1e9",
    "tap=nose",
    "estimator=9",
    "sequences=-5",
    "length=1",
    "schedule=never",
    "axis=curved",
    "step=99",
    "pair=1e12",
    "wait=soon",
    "theme=%00%ff",
  ];
  const { page, errors } = await lab.open();
  for (const query of nonsense) {
    const isLength = query.startsWith("length");
    const others = SHORT.split("&").filter((one) => one.split("=")[0] !== query.split("=")[0]);
    await page.goto(`${lab.host.address}?view=layers&${others.join("&")}&${query}`);
    if (isLength) {
      // What cannot be done is said, and how it can be.
      await page.getByRole("alert").filter({ hasText: "2 to" }).waitFor({ timeout: 60_000 });
      continue;
    }
    await scored(page);
    assert.equal(await page.getByRole("alert").count(), 0, query);
    assert.ok((await page.locator("main").innerText()).length > 100, query);
  }
  await page.goto(`${lab.host.address}?view=layers&${SHORT}&epsilon=banana`);
  await scored(page);
  assert.ok(await page.getByLabel("sparsity threshold ε", { exact: true }).isEnabled());
  assert.deepEqual(errors, []);
});

test("a long prompt is not in the address, and one longer than the context is told", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?view=model&${SHORT}`);
  await scored(page);
  await page.getByLabel("prompt").fill("The capital of Oranda is Lumen. ".repeat(60));
  await page.waitForTimeout(300);
  assert.ok(page.url().length < 400, page.url());
  await page.getByRole("button", { name: "Generate" }).click();
  await page
    .getByRole("status")
    .filter({ hasText: /^The prompt has .* tokens, and the model was trained on/ })
    .waitFor({ timeout: 60_000 });
  await ready(page);
});

test("forced colours, paper, half the width and less motion leave the page usable", async () => {
  const { page } = await lab.open({ forcedColors: "active", reducedMotion: "reduce" });
  await page.goto(`${lab.host.address}?view=prune&${SHORT}&removed=4`);
  await scored(page);
  const style = (selector, name) =>
    page
      .locator(selector)
      .first()
      .evaluate((node, name) => getComputedStyle(node)[name], name);
  // The view and the removed block stand out by more than their colour.
  assert.notEqual(
    await style("nav a[aria-current]", "borderBottomColor"),
    await style("nav a:not([aria-current])", "borderBottomColor"),
  );
  assert.equal(await style(".stack .gone", "borderTopStyle"), "dashed");
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByTestId("ranks").waitFor();
  assert.notEqual(
    await style("td.goes", "textDecorationLine"),
    await style("td.cell:not(.goes)", "textDecorationLine"),
  );
  // 200 % of a window of 1280 px.
  await page.setViewportSize({ width: 640, height: 450 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await page.emulateMedia({ media: "print", forcedColors: "none" });
  const pdf = await page.pdf();
  assert.ok(pdf.length > 10_000);
  assert.equal(await page.locator("summary", { hasText: "Save" }).first().isVisible(), false);
});
