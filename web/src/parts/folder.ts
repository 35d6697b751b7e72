/** A folder of the user's to write to; undefined where the browser offers none, null where the choice was dismissed. */
export async function pickedFolder(): Promise<FileSystemDirectoryHandle | undefined | null> {
  if (!("showDirectoryPicker" in window)) return undefined;
  try {
    return await window.showDirectoryPicker({ mode: "readwrite" });
  } catch {
    return null;
  }
}
