// What was found on several models, and the stored reports that it is read from.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { assertLooks, visits } from "./support.mjs";

const EVIDENCE = new URL("../../docs/evidence/", import.meta.url);
const SHORT = "device=cpu&sequences=2&length=32";
const lab = visits();

function stored(name) {
  return JSON.parse(readFileSync(new URL(name, EVIDENCE), "utf8"));
}

test("questions are answered on the overview, and a stored report opens by link", async () => {
  const { page, errors } = await lab.open();
  await page.goto(`${lab.host.address}?${SHORT}`);
  await scored(page);
  const card = page.getByTestId("evidence");
  const answers = stored("summary.json");
  assert.deepEqual(
    await card.locator("dt").allInnerTexts(),
    answers.map(({ question }) => question),
  );
  assert.deepEqual(
    await card.locator("dd").allInnerTexts(),
    answers.map(({ answer }) => answer),
  );
  await card.getByText(/^The \d+ reports$/).click();
  await assertLooks(page, "evidence");
  await card.getByRole("link", { name: "Atlas, repairs" }).click();
  const { repair, conclusions } = stored("reports/atlas.repaired.json");
  await page
    .getByTestId("conclusions")
    .filter({ hasText: conclusions.at(-1) })
    .waitFor();
  assert.match(page.url(), /view=repair.*report=assets/u);

  // The same by the address alone, and what training each layer alone brought.
  await page.goto(page.url());
  await ready(page);
  const alone = page.getByTestId("alone");
  await alone.waitFor({ timeout: 60_000 });
  assert.equal(await page.getByTestId("runs").locator("tbody tr").count(), repair.runs.length);
  const dots = alone.locator("svg circle");
  assert.equal(await dots.count(), repair.alone[0].agreement.layers);
  await assertLooks(page, "trained alone");
  assert.deepEqual(errors, []);
});
