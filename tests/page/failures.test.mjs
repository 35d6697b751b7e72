// What goes wrong for visitors, and what the page makes of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, open, ready } from "./browser.mjs";
import { site, visits } from "./support.mjs";

const SHORT = "sequences=2&length=32&items=1";
const lab = visits({ gpu: true });

test("each long step can be stopped in its middle, and taken up again", async () => {
  const { page } = await lab.open();
  const stop = async (step) => {
    await page.getByText(step).waitFor({ timeout: 60_000 });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped, as you asked.").waitFor({ timeout: 60_000 });
  };
  await page.goto(`${lab.host.address}?view=layers&device=cpu&wait=600&removed=4,5,9`);
  await stop(/leaving out each layer, \d+ of/);
  // The first scores are kept.
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
  await page.getByRole("button", { name: "Score again" }).click();
  await stop(/sequence \d+ of/);
  await page.getByRole("link", { name: "Prune" }).click();
  await page.getByRole("button", { name: "See what that costs" }).click();
  await stop(/model \d+ of 2/);
  await page.getByRole("button", { name: "Prune by every method, here" }).click();
  await stop(/leaving out each layer, \d+ of/);
  await page.getByRole("link", { name: "Model" }).click();
  await page.getByRole("button", { name: "Generate" }).click();
  await page
    .getByTestId("generated")
    .filter({ hasText: /capital of \w/ })
    .waitFor({ timeout: 60_000 });
  await ready(page);
});

test("a lost device ends the run with a message, keeps what was found, and the CPU goes on", async () => {
  const { page } = await lab.open();
  // The device lives in the worker.
  const hook = `{
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...given) {
      const device = await request.apply(this, given);
      new BroadcastChannel("lose").onmessage = () => device.destroy();
      return device;
    };
  }`;
  const hooked = lab.closing(await site({ workerLine: hook }));
  await page.goto(`${hooked.address}?view=layers&device=gpu&${SHORT}`);
  await page.getByText(/leaving out each layer, \d+ of/).waitFor({ timeout: 240_000 });
  await page.evaluate(() => new BroadcastChannel("lose").postMessage(""));
  await page.getByText("The device failed.").waitFor({ timeout: 60_000 });
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
  await page.getByRole("button", { name: "Start again on the CPU" }).click();
  await page.locator(".chip", { hasText: "CPU, " }).waitFor({ timeout: 60_000 });
  await ready(page);
  assert.match(page.url(), /device=cpu/);
  // The new worker has measured for itself, so the threshold can be dragged.
  await page.getByRole("link", { name: "Layers" }).click();
  await page.getByLabel("tap", { exact: true }).selectOption("update");
  assert.equal(await page.getByRole("alert").count(), 0);
});

test("without WebGPU the CPU works, and the page says why", async () => {
  const plain = lab.closing(await launch());
  const { page } = await open(plain);
  await page.goto(`${lab.host.address}?${SHORT}`);
  await page.getByText(/^On the CPU: /).waitFor({ timeout: 60_000 });
  await ready(page);
  await page.goto(`${lab.host.address}?view=layers&device=gpu&${SHORT}`);
  await page.getByText("The device failed.").waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "Start again on the CPU" }).click();
  await ready(page);
  assert.equal(await page.getByTestId("origin").getAttribute("data-origin"), "live");
});
