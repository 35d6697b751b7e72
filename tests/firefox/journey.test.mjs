// The way of a visitor in a second engine: a stock Firefox, driven over WebDriver BiDi, on the CPU. What it finds equals what the
// command finds.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DIST, GGUF, assertSameScores, required, site } from "../page/support.mjs";

const puppeteer = required("puppeteer-core");
const PLACES = [process.env.LAYERLAB_FIREFOX, "/usr/bin/firefox-esr", "/usr/bin/firefox"];
const TOLERANCE = 1e-3;
const WAIT = 240_000;

let host, browser;

before(async () => {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  assert.ok(executablePath, "there is no Firefox; name one by LAYERLAB_FIREFOX");
  host = await site();
  browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
});
after(async () => {
  await browser.close();
  await host.close();
});

async function open(query) {
  const page = await browser.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(`${host.address}?device=cpu&wait=600${query}`);
  return { page, errors };
}

/** Waits for something to be so in the page; asked from here, since a page out of sight draws no frames to be asked at. */
async function until(page, what, given, timeout = WAIT) {
  const end = Date.now() + timeout;
  while (!(await page.evaluate(what, given))) {
    assert.ok(Date.now() < end, `not so after ${timeout / 1000} s: ${what}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Waits until nothing runs, and until the live scores have come so many times. */
function scored(page, times = 1) {
  return until(
    page,
    (wanted) =>
      performance.getEntriesByName("layerlab:all-scores").length >= wanted &&
      document.querySelector(".now")?.textContent.trim() === "Ready",
    times,
  );
}

function there(page, selector) {
  return until(page, (wanted) => document.querySelector(wanted) !== null, selector);
}

/** Clicks the button that is called so. */
async function click(page, name) {
  const press = (wanted) => {
    const named = ({ textContent, disabled }) => textContent.trim() === wanted && !disabled;
    const button = [...document.querySelectorAll("button")].find(named);
    button?.click();
    return button !== undefined;
  };
  await until(page, press, name);
}

async function show(page, view) {
  await page.evaluate((wanted) => document.querySelector(`nav a[href="?view=${wanted}"]`).click(), view);
}

/** What the page would save. */
async function saved(page, click) {
  await page.evaluate(() => {
    globalThis.blobs = [];
    const make = URL.createObjectURL.bind(URL);
    URL.createObjectURL = (blob) => {
      globalThis.blobs.push(blob);
      return make(blob);
    };
  });
  await click();
  await until(page, () => globalThis.blobs.length > 0);
  return page.evaluate(() => globalThis.blobs[0].text());
}

test("Firefox scores, prunes, heals and reads a GGUF file as the command does", async () => {
  const { page, errors } = await open("&items=200");
  await scored(page);
  await show(page, "report");
  const live = JSON.parse(await saved(page, () => click(page, "JSON")));
  const native = JSON.parse(await readFile(join(DIST, "atlas/report.json"), "utf8"));
  assertSameScores(live, native, TOLERANCE);

  await show(page, "prune");
  for (const layer of [4, 5, 9]) {
    await page.evaluate((wanted) => {
      const blocks = [...document.querySelectorAll(".stack button")];
      blocks.find((block) => block.textContent.trim().startsWith(`block ${wanted}`)).click();
    }, layer);
  }
  const [expected] = native.pruning.outcomes.filter((one) => one.removed.join() === "4,5,9");
  const kept = async (column) => {
    const row = '[data-testid="kept"] tr[data-metric="perplexity"] td';
    return Number.parseFloat(await page.$$eval(row, (cells, at) => cells[at].innerText, column));
  };
  await click(page, "See what that costs");
  await there(page, '[data-testid="kept"]');
  await scored(page);
  const perplexity = expected.tasks[0].metrics[0].value;
  assert.ok(Math.abs((await kept(1)) / perplexity - 1) < TOLERANCE, `${await kept(1)} against ${perplexity}`);
  await click(page, "Heal what is left");
  await there(page, '[data-testid="healed-value"]');
  await scored(page);
  const healed = native.pruning.healing.outcomes.find(
    (one) => one.removed.join() === "4,5,9" && one.record.way === "refit",
  );
  const found = Number.parseFloat(await page.$eval('[data-testid="healed-value"]', (cell) => cell.innerText));
  assert.ok(Math.abs(found / healed.tasks[0].metrics[0].value - 1) < TOLERANCE, `${found} after healing`);

  await show(page, "model");
  await there(page, '[data-testid="files"]');
  const input = await page.$('[data-testid="files"]');
  await input.uploadFile(GGUF);
  await scored(page, 2);
  assert.match(await page.$eval(".status", (status) => status.innerText), /demo\.gguf/);
  assert.deepEqual(errors, []);
  await page.close();
});
