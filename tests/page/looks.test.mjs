// What the page is like to everyone: sizes, policies, offline, keyboards and screen readers, narrow screens, the address.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { ready, scored } from "./browser.mjs";
import { DIST, assertLooks, modulesAsked, visits } from "./support.mjs";

const VIEWS = ["overview", "model", "layers", "prune", "hallucination", "repair", "report", "lesson"];
const SHORT = "device=cpu&sequences=2&length=32&items=1";
const lab = visits();

test("each of the two modules is at most 4.8 MB packed, scripts of a visit 200 KB, those for Parquet files 100 KB", async () => {
  const names = await readdir(join(DIST, "assets"));
  const contents = async (name) => readFile(join(DIST, "assets", name));
  const modules = await Promise.all(names.filter((name) => name.endsWith(".packed")).map(contents));
  assert.equal(modules.length, 2);
  for (const { length } of modules) assert.ok(length <= 4_800_000, `${length} bytes`);
  const packed = async (isMeant) => {
    const scripts = await Promise.all(names.filter((name) => name.endsWith(".js") && isMeant(name)).map(contents));
    return scripts.reduce((sum, script) => sum + gzipSync(script).length, 0);
  };
  // What reads Parquet is fetched when such a file is chosen: its codecs are the larger part.
  const isAtOnce = (name) => /^(index|worker)-/.test(name);
  const [atOnce, later] = [await packed(isAtOnce), await packed((name) => !isAtOnce(name))];
  assert.ok(atOnce > 50_000 && atOnce <= 200_000, `${atOnce} bytes at once`);
  assert.ok(later > 0 && later <= 100_000, `${later} bytes for Parquet`);
});

for (const scheme of ["light", "dark"]) {
  test(`axe finds nothing serious in any view, ${scheme}; nothing overflows at 390 px`, async () => {
    const { page, errors } = await lab.open({ colorScheme: scheme });
    await page.goto(`${lab.host.address}?${SHORT}&layer=3&removed=4,5`);
    await scored(page);
    for (const view of VIEWS) {
      await page.locator(`nav a[href="?view=${view}"]`).click();
      await ready(page);
      await assertLooks(page, `${view}, ${scheme}`);
    }
    assert.deepEqual(errors, []);
  });
}

test("whoever clicks a label is in its control, in every view", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  await scored(page);
  for (const view of VIEWS) {
    await page.locator(`nav a[href="?view=${view}"]`).click();
    const wrong = await page.evaluate(() => {
      const labels = [...document.querySelectorAll("label")];
      return labels
        .filter(({ control }) => !control?.matches("input, select, textarea"))
        .map(({ textContent }) => textContent);
    });
    assert.deepEqual(wrong, [], view);
  }
  await page.getByRole("link", { name: "Layers" }).click();
  for (const name of ["sparsity threshold ε", "tap", "variance"]) {
    await page.locator("label", { hasText: name }).click();
    const focused = page.getByLabel(name, { exact: true });
    assert.ok(await focused.evaluate((control) => control === document.activeElement), name);
  }
  // The definition is beside it, for those without a mouse too.
  await page.getByRole("button", { name: "What “tap” means" }).focus();
  await page.getByRole("tooltip").waitFor();
});

test("title and focus follow the view, on the way there and back", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}&view=layers`);
  await scored(page);
  assert.equal(await page.title(), "Layers – LayerLab");
  const focused = () => page.evaluate(() => document.activeElement.id);
  assert.equal(await focused(), "", "nothing takes the focus of whoever opens the page");
  await page.getByRole("link", { name: "Prune" }).click();
  await page.waitForFunction(() => document.title === "Prune – LayerLab");
  assert.equal(await focused(), "main");
  await page.getByRole("link", { name: "Report" }).focus();
  await page.goBack();
  await page.waitForFunction(() => document.title === "Layers – LayerLab");
  assert.equal(await focused(), "main");
});

test("the page opens without a network after the first visit, with one module, and asks nobody else", async () => {
  const { page } = await lab.open();
  lab.host.state.requests.length = 0;
  const elsewhere = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(lab.host.address).origin) && !request.url().startsWith("blob:")) {
      elsewhere.push(request.url());
    }
  });
  await page.goto(`${lab.host.address}?${SHORT}`);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await scored(page);
  lab.host.state.down = true;
  await page.goto(`${lab.host.address}?${SHORT}&view=prune`);
  await scored(page);
  lab.host.state.down = false;
  assert.deepEqual(elsewhere, []);
  // Chromium fuses; the worker asks, and the service worker that keeps it.
  const { fused, plain } = modulesAsked(lab.host);
  assert.ok(fused > 0);
  assert.equal(plain, 0);
});

test("a newer build takes the place of the kept one when no tab uses it any more", async () => {
  const { page, context } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  // A promise is awaited by `evaluate`, not by `waitForFunction`.
  const until = async (page, isSo) => {
    while (!(await page.evaluate(isSo))) await page.waitForTimeout(100);
  };
  // Ready is also one that still clears what an older build has left.
  await until(page, async () => (await navigator.serviceWorker.ready).active.state === "activated");
  // The first visit is not yet served by it.
  await page.reload();
  const caches = (page) => page.evaluate(async () => (await globalThis.caches.keys()).map((name) => name.slice(0, 15)));
  const [old, ...others] = await caches(page);
  assert.deepEqual(others, []);
  lab.host.state.isNewer = true;
  await page.evaluate(async () => (await navigator.serviceWorker.getRegistration()).update());
  // The tab that is open keeps what it began with.
  await until(page, async () => (await navigator.serviceWorker.getRegistration()).waiting !== null);
  assert.equal((await caches(page)).length, 2);
  await page.close();
  const next = await context.newPage();
  await next.goto(`${lab.host.address}?${SHORT}`);
  await scored(next);
  await until(next, async () => (await globalThis.caches.keys()).length === 1);
  const [newer] = await caches(next);
  lab.host.state.isNewer = false;
  assert.equal(newer, "layerlab-newer-");
  assert.notEqual(newer, old);
});

test("an address leads to the screen that it was taken from", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}&view=prune&removed=2,7&method=block_influence&prompt=Hello`);
  await page.getByTestId("removed").filter({ hasText: "2, 7" }).waitFor();
  await ready(page);
  assert.equal(await page.getByRole("combobox", { name: "method" }).inputValue(), "block_influence");
  assert.equal(await page.getByRole("textbox", { name: "prompt" }).inputValue(), "Hello");
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByRole("button", { name: "look into layer 5" }).click();
  const copied = page.url();
  await page.goBack();
  await page.getByTestId("removed").waitFor();
  await page.goto(copied);
  await page.getByTestId("detail").getByRole("heading", { name: "Layer 5" }).waitFor();
});

test("the lesson does what it says", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}&view=lesson&step=4`);
  await scored(page);
  await page.getByRole("button", { name: "Remove 0, 1, 2" }).click();
  await page.getByTestId("kept").waitFor({ timeout: 60_000 });
  const row = page.locator('[data-testid="kept"] tr[data-metric="perplexity"] td').nth(2);
  assert.ok(Number.parseFloat(await row.innerText()) < 0.1);
  await page.goto(`${lab.host.address}?${SHORT}&view=lesson`);
  await scored(page);
  await page.getByRole("button", { name: "Let it finish a question" }).click();
  await page
    .getByTestId("generated")
    .filter({ hasText: /capital of \w/ })
    .waitFor({ timeout: 60_000 });
});

test("something is painted within a second, and the page can be used before the model is there", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  await page.getByTestId("overview").waitFor();
  const painted = () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? false;
  const paint = await (await page.waitForFunction(painted)).jsonValue();
  assert.ok(paint < 1000, `${paint} ms`);
});

test("nothing blocks the main thread for long while the model runs", async () => {
  const { page } = await lab.open();
  await page.goto(`${lab.host.address}?device=cpu&wait=600`);
  await page.getByText(/leaving out each layer, \d+ of/).waitFor({ timeout: 120_000 });
  const longest = await page.evaluate(
    () =>
      new Promise((done) => {
        let worst = 0;
        const watch = new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) worst = Math.max(worst, entry.duration);
        });
        watch.observe({ type: "longtask" });
        setTimeout(() => done(worst), 4000);
      }),
  );
  // Tasks are called long from 50 ms on.
  assert.equal(longest, 0);
});
