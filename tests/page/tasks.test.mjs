// What a new user comes for, done by clicks alone, from the page as it opens: how many it takes is part of what is tested.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ready, scored } from "./browser.mjs";
import { GGUF, downloaded, visits } from "./support.mjs";

const lab = visits();

test("five things that a new user comes for, in eight clicks", async () => {
  const { page, context, errors } = await lab.open();
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const clicks = {};
  const click = async (task, target) => {
    clicks[task] = (clicks[task] ?? 0) + 1;
    await target.click();
  };
  const button = (name) => page.getByRole("button", { name });
  await page.goto(`${lab.host.address}?device=cpu`);
  await scored(page);

  // Score my GGUF file.
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), click("score", page.getByTestId("files"))]);
  await chooser.setFiles(GGUF);
  await scored(page, 120_000, 2);
  const overview = page.getByTestId("overview");
  await overview.getByText(/^demo\.gguf/).waitFor();

  // Find which layers to remove.
  await overview.getByText(/What is lost without each layer: .* cost least/).waitFor();
  await click("find", button("See how sure that is"));
  await page.getByTestId("ranks").waitFor();

  // Remove and heal them.
  await click("heal", button(/^Remove the /));
  await click("heal", button("Heal what is left"));
  await page.getByTestId("kept").waitFor({ timeout: 120_000 });
  await ready(page);
  const said = page.getByText(/^Without .* the model keeps .* % of its perplexity, healed .* %\.$/);
  const refused = page.getByRole("alert");
  await said.or(refused).waitFor();
  assert.equal(await refused.count(), 0);

  // Take the model home.
  await page.evaluate(() => delete window.showDirectoryPicker);
  const zip = await downloaded(page, () => click("take", button("Save the healed model")));
  assert.ok(zip.includes("model.safetensors"));
  await ready(page);

  // Send a colleague what I saw.
  await click("send", page.getByRole("link", { name: "Report" }));
  const html = await downloaded(page, () => click("send", button("HTML with charts")));
  assert.match(html.toString(), /demo\.gguf/);
  await click("send", button("Copy link"));
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /file=demo\.gguf/);

  assert.deepEqual(clicks, { score: 1, find: 1, heal: 2, take: 1, send: 3 });
  assert.deepEqual(errors, []);
});
