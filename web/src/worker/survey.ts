// What there is of a model before it is downloaded or loaded: its files, and what their headers say.
import { Session } from "../generated/layerlab_web";
import type { ModelNeeds } from "../generated/types";
import { type BlobFiles, bundledFiles, isWeights, pickedFiles } from "./files";
import { baseName, hubFiles, manifestOf, placeOf } from "./hub";
import type { HubModel, Look, ModelSource } from "./messages";
import { type RemoteFile, RemoteFiles } from "./remote";
import { type Manifest, fileOf, keptFolderOf, readManifest } from "./store";

type Survey = Omit<Look, "program" | "workers" | "room">;

/** Of a model on the Hub that is not here yet, the listing, headers and small files are fetched. */
export async function surveyed(source: ModelSource, signal: AbortSignal): Promise<Survey> {
  switch (source.kind) {
    case "bundled":
      return surveyOfBlobs(await bundledFiles(source.base));
    case "files":
      return surveyOfBlobs(pickedFiles(source.name, source.files));
    case "hub":
      return surveyOfHub(source.model, signal);
  }
}

async function surveyOfBlobs(files: BlobFiles): Promise<Survey> {
  const needs: ModelNeeds = await Session.needs(files);
  return { files: files.names().length, bytes: needs.files, missing: 0, weightBytes: files.weightBytes(), needs };
}

async function surveyOfHub(model: HubModel, signal: AbortSignal): Promise<Survey> {
  const folder = await keptFolderOf(model);
  const known = folder && (await readManifest(folder));
  const manifest = await manifestOf(model, known, signal);
  const here = folder && known?.commit === manifest.commit ? await bytesHere(folder, manifest) : 0;
  const bytes = sum(manifest.files.map((file) => file.size));
  if (here === bytes) return surveyOfBlobs(await hubFiles(model, () => undefined, signal));
  const weights = manifest.files.filter((file) => isWeights(baseName(file.path)));
  return {
    files: manifest.files.length,
    bytes,
    missing: bytes - here,
    weightBytes: sum(weights.map((file) => file.size)),
    needs: await remoteNeeds(manifest, signal),
  };
}

/** What the headers on a server say; none where it sends no parts of files. */
async function remoteNeeds(manifest: Manifest, signal: AbortSignal): Promise<ModelNeeds | null> {
  const files = manifest.files.map(({ path, size }): [string, RemoteFile] => {
    return [baseName(path), { address: placeOf(manifest, path), size }];
  });
  const remote = new RemoteFiles(manifest.id, new Map(files), signal);
  try {
    return await Session.needs(remote);
  } catch (error) {
    if (remote.knowsNoRanges) return null;
    throw error;
  }
}

/** Bytes of a model's files that an earlier download has brought. */
async function bytesHere(folder: FileSystemDirectoryHandle, manifest: Manifest): Promise<number> {
  const sizes = manifest.files.map(async ({ path, size }) => {
    const { size: here } = await (await fileOf(folder, path)).getFile();
    return Math.min(here, size);
  });
  return sum(await Promise.all(sizes));
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
