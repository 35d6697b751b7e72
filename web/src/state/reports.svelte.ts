// Reports that this page did not make: the command's, made when the page was built, and one from a file.
import type { Report } from "../generated/types";

class Reports {
  #native = $state.raw<Report | null>(null);
  #opened = $state.raw<Report | null>(null);

  /** The command's, on the bundled model. */
  get native(): Report | null {
    return this.#native;
  }

  /** One from a file. */
  get opened(): Report | null {
    return this.#opened;
  }

  open(report: Report): void {
    this.#opened = report;
  }

  close(): void {
    this.#opened = null;
  }

  async fetchNative(): Promise<void> {
    try {
      const response = await fetch(new URL("atlas/report.json", document.baseURI));
      if (response.ok) this.#native = (await response.json()) as Report;
    } catch {
      // The live report will come all the same.
    }
  }
}

export const reports = new Reports();
