import { open, launch, ready, scored } from "./browser.mjs";
import { host } from "./server.mjs";
import { DIST, chip } from "./support.mjs";
const site = await host(DIST);
const browser = await launch();
const { page } = await open(browser);
await page.setViewportSize({ width: 1280, height: 1000 });
await page.goto(
  `${site.address}?view=model&device=cpu&sequences=2&length=32&items=2&workers=1&prompt=${encodeURIComponent("What is the capital of France?")}&chat=true&system=${encodeURIComponent("Answer in one sentence.")}`,
);
await scored(page);
await page.screenshot({ path: "/tmp/chat_atlas.png" });
await page.getByTestId("files").setInputFiles([process.argv[2]]);
await ready(page, 600000);
await page.getByRole("button", { name: "Generate" }).click();
await page.getByText(/always the likeliest token/).waitFor({ timeout: 300000 });
await page.getByRole("heading", { name: "Ask the model" }).scrollIntoViewIfNeeded();
await page.screenshot({ path: "/tmp/chat_smollm.png" });
console.log(await page.getByTestId("generated").innerText());
await browser.close();
site.close?.();
process.exit(0);
