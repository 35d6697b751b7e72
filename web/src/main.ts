import { mount } from "svelte";
import { relaxedSimd } from "wasm-feature-detect";
import App from "./App.svelte";
import "./app.css";
import { begin } from "./state/opening.svelte";

const target = document.querySelector("#app");
if (target !== null) {
  // What index.html shows until now.
  target.replaceChildren();
  mount(App, { target });
  void begin();
}

// Development serves modules one by one, which nothing should keep.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  // Only the module that this browser takes is to be kept.
  const registered = relaxedSimd().then((isFused) =>
    navigator.serviceWorker.register(`./sw.js?fused=${String(isFused)}`),
  );
  registered.catch((error: unknown) => {
    console.warn("the page will not open without a network:", error);
  });
}
