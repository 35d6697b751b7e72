// A static host under a path of its own, and beside it a server that speaks the Hub's paths for the models it is given.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

function listen(server) {
  return new Promise((done) => {
    server.listen(0, "127.0.0.1", () => done(`http://127.0.0.1:${server.address().port}`));
  });
}

/**
 * Serves `folder` under `/lab/of/layers/`; gives its address and what it was asked. Workers run `workerLine` before their
 * own code. `others` may read from it too.
 */
export async function host(folder, { workerLine = "", others = false } = {}) {
  const path = "/lab/of/layers/";
  const state = { down: false, requests: [], isNewer: false };
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://host").pathname);
    state.requests.push(name);
    if (state.down) return request.socket.destroy();
    const inside = normalize(name.slice(path.length) || "index.html");
    try {
      if (!name.startsWith(path) || inside.startsWith("..")) throw new Error("elsewhere");
      const kept = await readFile(join(folder, inside));
      // A newer build has another version, hence a cache of its own.
      const isNewer = state.isNewer && inside === "sw.js";
      const contents = isNewer ? kept.toString().replace('"version":"', '"version":"newer-') : kept;
      const line = /^assets\/worker-[^/]*\.js$/.test(inside) ? workerLine : "";
      // Many hosts say so, and a cache takes it at their word.
      const headers = { "Content-Type": TYPES[extname(inside)] ?? "application/octet-stream", Vary: "Origin" };
      if (others) headers["Access-Control-Allow-Origin"] = "*";
      response.writeHead(200, headers);
      response.write(line);
      response.end(contents);
    } catch {
      response.writeHead(404).end();
    }
  });
  const origin = await listen(server);
  return { address: origin + path, state, close: () => server.closeAllConnections() ?? server.close() };
}

/** Speaks the Hub's paths for one model folder. The first answers with weights break off after `breakAfter` bytes. */
export async function hub(folder, id, { breaks = 0, breakAfter = 100_000 } = {}) {
  const sha = "0123456789abcdef0123456789abcdef01234567";
  // `page`: every answer is a page. `short`: files are so many bytes shorter than the listing says; negative for longer.
  const state = {
    breaks,
    ranges: [],
    wrongHash: false,
    requests: 0,
    page: false,
    knowsRanges: true,
    // Whether weights begin and never end.
    stalls: false,
    short: 0,
    // Files of a list that come together, and where it goes on instead of at this server.
    perPage: 1000,
    next: undefined,
    files: [],
    // Bounded parts that were asked for, such as headers.
    parts: [],
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://hub");
    const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "range" };
    const json = (value) => response.writeHead(200, headers).end(JSON.stringify(value));
    state.requests += 1;
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    if (state.page)
      return response
        .writeHead(200, { ...headers, "Content-Type": "text/html" })
        .end("<!doctype html><title>Sign in</title>");
    if (pathname === `/api/models/${id}/revision/main`) return json({ sha });
    if (pathname === `/api/models/${id}/tree/${sha}`) {
      const entries = await tree(folder, state.wrongHash, state.short);
      const { searchParams } = new URL(request.url, "http://hub");
      const from = Number(searchParams.get("cursor") ?? 0);
      const part = entries.slice(from, from + state.perPage);
      if (from + part.length < entries.length) {
        const next =
          state.next ?? `http://${request.headers.host}${pathname}?recursive=true&cursor=${from + part.length}`;
        headers.Link = `<${next}>; rel="next"`;
        headers["Access-Control-Expose-Headers"] = "Link";
      }
      return json(part);
    }
    const start = `/${id}/resolve/${sha}/`;
    if (!pathname.startsWith(start)) return response.writeHead(404, headers).end();
    const file = join(folder, pathname.slice(start.length));
    const { size } = await stat(file);
    const range = state.knowsRanges ? /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") : null;
    const from = range === null ? 0 : Number(range[1]);
    const isBounded = range !== null && range[2] !== "";
    const end = isBounded ? Math.min(Number(range[2]), size - 1) : size - 1;
    if (isBounded) state.parts.push({ file: pathname.slice(start.length), from, bytes: end + 1 - from });
    else state.files.push(pathname.slice(start.length));
    if (range !== null && !isBounded) state.ranges.push(from);
    const part = range === null ? {} : { "Content-Range": `bytes ${from}-${end}/${size}` };
    response.writeHead(range === null ? 200 : 206, { ...headers, ...part, "Content-Length": end + 1 - from });
    if (isBounded) return createReadStream(file, { start: from, end }).pipe(response);
    if (file.endsWith(".safetensors") && state.breaks > 0) {
      state.breaks -= 1;
      const begun = (await readFile(file)).subarray(from, from + breakAfter);
      // What was written must leave before the connection breaks.
      response.write(begun, () => setTimeout(() => response.destroy(), 50));
      return undefined;
    }
    if (file.endsWith(".safetensors") && state.stalls) {
      return response.write((await readFile(file)).subarray(from, from + breakAfter));
    }
    return createReadStream(file, { start: from }).pipe(response);
  });
  const address = await listen(server);
  return { address, state, close: () => server.closeAllConnections() ?? server.close() };
}

/** Speaks the Hub's paths for the Parquet files of one dataset, `files` from path to file. The first answers break off. */
export async function datasetHub(id, files, { breaks = 0, breakAfter = 1000 } = {}) {
  const sha = "89abcdef0123456789abcdef0123456789abcdef";
  const state = { breaks, ranges: [] };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://hub");
    const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "range" };
    if (request.method === "OPTIONS") return response.writeHead(204, headers).end();
    if (pathname === `/api/datasets/${id}/revision/refs%2Fconvert%2Fparquet`) {
      const siblings = Object.keys(files).map((rfilename) => ({ rfilename }));
      return response.writeHead(200, headers).end(JSON.stringify({ sha, siblings }));
    }
    const start = `/datasets/${id}/resolve/${sha}/`;
    const file = pathname.startsWith(start) ? files[pathname.slice(start.length)] : undefined;
    if (file === undefined) return response.writeHead(404, headers).end();
    const contents = await readFile(file);
    const range = /bytes=(\d+)-/.exec(request.headers.range ?? "");
    const from = range === null ? 0 : Number(range[1]);
    if (range !== null) state.ranges.push(from);
    response.writeHead(range === null ? 200 : 206, { ...headers, "Content-Length": contents.length - from });
    if (state.breaks === 0) return response.end(contents.subarray(from));
    state.breaks -= 1;
    // What was written must leave before the connection breaks.
    return response.write(contents.subarray(from, from + breakAfter), () => setTimeout(() => response.destroy(), 50));
  });
  const address = await listen(server);
  return { address, state, close: () => server.closeAllConnections() ?? server.close() };
}

async function tree(folder, wrongHash, short) {
  const names = (await readdir(folder)).sort();
  const entries = names.map(async (path) => {
    const { size: whole } = await stat(join(folder, path));
    const size = path.endsWith(".safetensors") ? whole + short : whole;
    const entry = { type: "file", path, size, oid: "" };
    // What no test downloads, since it is larger than any machine of a test's.
    if (!path.endsWith(".safetensors") || whole > 2 ** 30) return entry;
    const contents = await readFile(join(folder, path));
    const oid = createHash("sha256")
      .update(wrongHash ? "other" : contents)
      .digest("hex");
    return { ...entry, lfs: { oid, size } };
  });
  return Promise.all(entries);
}
