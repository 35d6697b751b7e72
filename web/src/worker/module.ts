import { relaxedSimd } from "wasm-feature-detect";
import fused from "../generated/layerlab_web_fused.wasm.packed?url";
import plain from "../generated/layerlab_web.wasm.packed?url";

/**
 * The module, compiled while it arrives: the fused one where the browser can run it. It is packed by gzip and unpacked
 * here, since many static hosts send wasm as it is, five times as large; its name hides that from those that would unpack
 * it themselves.
 */
export async function compiled(): Promise<WebAssembly.Module> {
  const response = await fetch((await relaxedSimd()) ? fused : plain);
  if (!response.ok || response.body === null) {
    throw new Error(`the lab's module cannot be fetched: the server says ${response.status}`);
  }
  const unpacked = response.body.pipeThrough(new DecompressionStream("gzip"));
  const headers = { "Content-Type": "application/wasm" };
  return WebAssembly.compileStreaming(new Response(unpacked, { headers }));
}
