/** Resolves, with the reason, when a worker of the lab dies; never otherwise. */
export function death(worker: Worker): Promise<string> {
  return new Promise((resolve) => {
    worker.addEventListener("error", (event) => {
      // It would be an error of whoever holds the worker too.
      event.preventDefault();
      resolve(event.message || "the worker failed");
    });
    worker.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "object" && data !== null && "died" in data) resolve(String(data.died));
    });
  });
}
