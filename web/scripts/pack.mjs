// The modules as the page fetches one of them: packed, so that they are small on hosts that do not pack.
import { readFile, rm, writeFile } from "node:fs/promises";
import { constants, gzipSync } from "node:zlib";

const generated = new URL("../src/generated/", import.meta.url);
const packings = [
  ["layerlab_web_bg.wasm", "layerlab_web.wasm.packed"],
  ["layerlab_web_fused.wasm", "layerlab_web_fused.wasm.packed"],
];
for (const [name, packedName] of packings) {
  const module = new URL(name, generated);
  const contents = await readFile(module);
  const packed = gzipSync(contents, { level: constants.Z_BEST_COMPRESSION });
  await writeFile(new URL(packedName, generated), packed);
  // The page must not find the other.
  await rm(module);
  console.log(`${packedName}: ${contents.length} bytes, packed ${packed.length}`);
}
