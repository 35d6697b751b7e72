// Reports that this page did not make: the command's, made when the page was built, and one from a file.
import { failureOf } from "../client/failure";
import type { Report } from "../generated/types";
import { address } from "./address.svelte";
import { consent } from "./consent.svelte";
import { tasks } from "./tasks.svelte";

/** The view that shows a report better than the others do, if one is made for its kind. */
export function viewOf({ hallucination, repair }: Report): "hallucination" | "repair" | null {
  if (repair) return "repair";
  return hallucination ? "hallucination" : null;
}

class Reports {
  #native = $state.raw<Report | null>(null);
  #opened = $state.raw<Report | null>(null);
  #problem = $state<string | null>(null);

  /** The command's, on the bundled model. */
  get native(): Report | null {
    return this.#native;
  }

  /** One from a file. */
  get opened(): Report | null {
    return this.#opened;
  }

  /** Why the report that the address named is not shown. */
  get problem(): string | null {
    return this.#problem;
  }

  open(report: Report): void {
    this.#opened = report;
    this.#problem = null;
  }

  /** The visitor has read why a report is not shown. */
  dismiss(): void {
    this.#problem = null;
  }

  close(): void {
    this.#opened = null;
    address.report = "";
  }

  /** Reads a report; throws what is none, as the lab itself says. */
  async read(text: string): Promise<Report> {
    const report = JSON.parse(text) as Report;
    await tasks.call("write", [report, "json"]).answer;
    return report;
  }

  /** Opens the report that the address names, after the visitor has agreed to ask its server. Whether one was opened. */
  async openNamed(): Promise<boolean> {
    const named = address.report;
    if (named === "") return false;
    try {
      const place = new URL(named, document.baseURI);
      if (!(await consent.to(place.href, `the report ${place.pathname}`))) {
        this.close();
        return false;
      }
      const response = await fetch(place).catch(() => null);
      if (response === null)
        throw new Error(`the server ${place.host} does not answer, or does not allow this page to ask`);
      if (!response.ok) throw new Error(`the server ${place.host} says ${response.status}`);
      const report = await this.read(await response.text()).catch((thrown: unknown) => {
        throw new Error(
          `it is no report of LayerLab: ${thrown instanceof Error ? thrown.message : failureOf(thrown).message}`,
        );
      });
      this.#opened = report;
      return true;
    } catch (thrown) {
      this.close();
      this.#problem = `The report ${named} cannot be opened: ${failureOf(thrown).message}.`;
      return false;
    }
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
