import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";
import { lab } from "./state/lab.svelte";

const target = document.querySelector("#app");
if (target !== null) {
  // What index.html shows until now.
  target.replaceChildren();
  mount(App, { target });
  void lab.begin();
}

// Development serves modules one by one, which nothing should keep.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  navigator.serviceWorker.register("./sw.js").catch((error: unknown) => {
    console.warn("the page will not open without a network:", error);
  });
}
