// The module as the page fetches it: packed, so that it is small on hosts that do not pack.
import { readFile, rm, writeFile } from "node:fs/promises";
import { constants, gzipSync } from "node:zlib";

const generated = new URL("../src/generated/", import.meta.url);
const module = new URL("layerlab_web_bg.wasm", generated);
const contents = await readFile(module);
const packed = gzipSync(contents, { level: constants.Z_BEST_COMPRESSION });
await writeFile(new URL("layerlab_web.wasm.packed", generated), packed);
// The page must not find the other.
await rm(module);
console.log(`${contents.length} bytes, packed ${packed.length}`);
