import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { offline } from "./scripts/offline.mjs";

export default defineConfig({
  // Any static host, under any path.
  base: "./",
  // Without it a component that has no runes of its own is compiled by the rules of Svelte 4.
  plugins: [svelte({ compilerOptions: { runes: true } }), offline()],
  // The evidence lies beside this folder.
  server: { fs: { allow: [".."] } },
  worker: { format: "es" },
  build: {
    target: "es2023",
    // Policies of the page forbid data: addresses for scripts and workers.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
