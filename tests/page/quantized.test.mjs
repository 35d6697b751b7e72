// A report of models in few bits that the command made, shown by the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ready } from "./browser.mjs";
import { assertLooks, native, report, visits } from "./support.mjs";

const lab = visits();

test("the command's report of models in few bits is shown with its conclusions, and saved as it was", async () => {
  const command = native("quantize", "--device", "cpu", "--max-sequences", "4", "--items", "10", "--resamples", "50");
  const { page, errors } = await lab.open({ colorScheme: "dark" });
  await page.goto(`${lab.host.address}?view=report&device=cpu&sequences=2&length=32`);
  await ready(page);
  await page.getByTestId("open-report").setInputFiles({
    name: "quantized.json",
    mimeType: "application/json",
    buffer: Buffer.from(JSON.stringify(command)),
  });
  const table = page.getByTestId("quantized");
  await table.waitFor();
  const { models } = command.quantization;
  assert.equal(await table.locator("tbody tr").count(), models.length);
  const retained = models[0].compared.find(({ retained }) => retained !== null).retained;
  assert.ok((await table.locator("tbody tr").first().innerText()).includes(retained.toPrecision(4)));
  const said = await page.getByTestId("conclusions").innerText();
  for (const sentence of command.conclusions) assert.ok(said.includes(sentence), sentence);
  await assertLooks(page, "quantized, dark");
  const saved = await report(page);
  assert.equal(saved.experiment, "quantize");
  assert.deepEqual(saved.quantization.models, models);
  assert.deepEqual(errors, []);
});
