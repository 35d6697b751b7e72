// The browser that the page is tested in: Chromium, without a network, with or without a GPU that the processor imitates.
import { createRequire } from "node:module";
import { existsSync } from "node:fs";

// Packages are the page's.
const require = createRequire(new URL("../../web/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const PLACES = [
  process.env.LAYERLAB_CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];
const QUIET = [
  "--no-sandbox",
  "--no-first-run",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const SOFTWARE_GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan,WebGPU"];

export function launch({ gpu = false } = {}) {
  const executablePath = PLACES.find((place) => place && existsSync(place));
  if (executablePath === undefined) throw new Error("there is no Chromium; name one by LAYERLAB_CHROMIUM");
  return chromium.launch({ executablePath, args: [...QUIET, ...(gpu ? SOFTWARE_GPU : ["--disable-gpu"])] });
}

/** A page whose errors are gathered. */
export async function open(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  return { page, context, errors };
}

/** Waits until nothing runs, for as long as the slowest step takes. */
export async function ready(page, timeout = 240_000) {
  await page
    .getByRole("status")
    .filter({ hasText: /^\s*Ready\s*$/ })
    .waitFor({ timeout });
}

/** Waits for the live scores, losses included; for those of a second model if they are to come `times` 2. */
export async function scored(page, timeout = 240_000, times = 1) {
  const come = (wanted) => performance.getEntriesByName("layerlab:all-scores").length >= wanted;
  await page.waitForFunction(come, times, { timeout });
  await ready(page, timeout);
}
