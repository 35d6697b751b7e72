// Files and folders that are dropped on the page.
//
// browser-fs-access was tried in place of this, folder.ts and save.ts: it reads no dropped folders and gives no folder to write
// to, and where the browser can, it saves by a dialog instead of a download.

export interface NamedBlob {
  path: string;
  blob: Blob;
}

/** Every file that was dropped, with those in folders, and a name for all of it. */
export async function droppedFiles(data: DataTransfer): Promise<{ name: string; files: NamedBlob[] }> {
  // Entries and files are gone after the first wait.
  const items = [...data.items].map((item) => ({ entry: item.webkitGetAsEntry(), file: item.getAsFile() }));
  const found = items.map(async ({ entry, file }) => {
    if (entry !== null) return walked(entry);
    return file === null ? [] : [{ path: file.name, blob: file }];
  });
  const folder = items.find(({ entry }) => entry?.isDirectory)?.entry;
  const files = (await Promise.all(found)).flat();
  return { name: folder?.name ?? nameOf(files, "dropped files"), files };
}

async function walked(entry: FileSystemEntry): Promise<NamedBlob[]> {
  if (isFile(entry)) {
    const blob = await new Promise<File>((done, failed) => entry.file(done, failed));
    return [{ path: entry.fullPath.replace(/^\//, ""), blob }];
  }
  if (!isFolder(entry)) return [];
  const reader = entry.createReader();
  const children: FileSystemEntry[] = [];
  // A reader gives some at a time, and none at the end.
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) break;
    children.push(...some);
  }
  return (await Promise.all(children.map(walked))).flat();
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Files of an input, by their paths where a folder was picked. */
export function pickedFiles(list: FileList): { name: string; files: NamedBlob[] } {
  const files = [...list].map((file) => ({ path: file.webkitRelativePath || file.name, blob: file }));
  const name = files[0]?.path.includes("/") ? (files[0].path.split("/")[0] ?? "folder") : nameOf(files, "picked files");
  return { name, files };
}

/** One file, which may be a whole model, has a name of its own. */
function nameOf(files: NamedBlob[], several: string): string {
  return files.length === 1 ? (files[0]?.path ?? several) : several;
}
