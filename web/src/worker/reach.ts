// Which servers the worker may ask. The page's policy (index.html) does not govern workers that come over the network, so
// the worker keeps one of its own: the page's host, the public Hub, and servers that the visitor has agreed to.
import { HUB } from "./messages";

const allowed = new Set([new URL(HUB).origin, self.location.origin]);

/** Lets requests go to the server of this address too. The page asks its visitor before. */
export function allow(address: string): void {
  allowed.add(new URL(address).origin);
}

/** From now on, requests to other servers fail before they are sent. Where a server that may be asked redirects to is its own affair. */
export function restrict(): void {
  const fetched = self.fetch.bind(self);
  self.fetch = (input, init) => {
    const { origin, host } = new URL(input instanceof Request ? input.url : String(input), self.location.href);
    if (allowed.has(origin)) return fetched(input, init);
    return Promise.reject(new Error(`${host} was not agreed to, so nothing was asked of it`));
  };
}
