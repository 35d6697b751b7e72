// Kept files first, so that the page opens at once and without a network. A new build has a new version, hence a cache of
// its own; the old one goes when no open tab uses it any more. BUILD stands above, written by offline.mjs.
const CACHE = `layerlab-${BUILD.version}`;

// Of the two modules, this browser takes one; the page says which by the address of this script.
const isFused = new URL(self.location.href).searchParams.get("fused") === "true";
const isTaken = (name) => !name.endsWith(".packed") || name.includes("_fused") === isFused;

self.addEventListener("install", (event) => {
  // The page's own address may end in a folder.
  const files = ["./", ...BUILD.files.filter(isTaken)];
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files)));
});

self.addEventListener("activate", (event) => {
  const stale = (name) => name.startsWith("layerlab-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(stale).map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  // The Hub and everything else elsewhere is none of its business.
  if (request.method !== "GET" || !request.url.startsWith(self.registration.scope)) return;
  // Hosts that say `Vary: Origin` would have the files kept for none of the page's requests.
  event.respondWith(
    caches
      .open(CACHE)
      .then((cache) => cache.match(request, { ignoreSearch: request.mode === "navigate", ignoreVary: true }))
      .then((kept) => kept ?? fetch(request)),
  );
});
