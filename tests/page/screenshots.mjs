// Every view as a picture, to be looked at, and those that the documentation shows:
//
//   cargo xtask web
//   node tests/page/screenshots.mjs FOLDER [MODEL.gguf]
//
// Wide and narrow, light and dark; of Atlas, and of a model of one's own where one is given.
import { join } from "node:path";
import { launch, open, ready, scored } from "./browser.mjs";
import { site } from "./support.mjs";

const VIEWS = ["overview", "model", "layers", "prune", "hallucination", "repair", "report", "lesson"];
const FORMS = [
  ["", { width: 1280, height: 900 }, "light"],
  ["-dark", { width: 1280, height: 900 }, "dark"],
  ["-narrow", { width: 390, height: 844 }, "light"],
  ["-narrow-dark", { width: 390, height: 844 }, "dark"],
];
const LONG = 3_600_000;
const [folder, model] = process.argv.slice(2);

/** Removes layers, heals what is left, and lets all answer. */
async function healed(page) {
  await page.locator('nav a[href="?view=layers"]').click();
  await page.getByRole("button", { name: /^Remove the / }).click();
  await page.getByRole("button", { name: "Heal what is left" }).click();
  await ready(page, LONG);
  await page.getByRole("button", { name: "Let them answer" }).click();
  await ready(page, LONG);
}

async function pictures(page, name) {
  for (const [form, size, colorScheme] of FORMS) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    for (const view of VIEWS) {
      await page.locator(`nav a[href="?view=${view}"]`).click();
      // Charts are drawn for the width that there is.
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(folder, `${name}-${view}${form}.png`), fullPage: true });
    }
  }
}

const host = await site();
const browser = await launch();
const { page, errors } = await open(browser);
await page.goto(`${host.address}?view=model&device=cpu&wait=600&layer=3`);
await scored(page, LONG);
await healed(page);
await page.locator('nav a[href="?view=hallucination"]').click();
await page.getByRole("button", { name: "Locate" }).click();
await ready(page, LONG);
await pictures(page, "atlas");
if (model !== undefined) {
  await page.locator('nav a[href="?view=model"]').click();
  await page.getByTestId("files").setInputFiles(model);
  await scored(page, LONG, 2);
  await healed(page);
  await pictures(page, "own");
}
if (errors.length > 0) console.error(errors);
await browser.close();
await host.close();
