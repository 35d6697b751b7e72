// What a model takes on each device, and whether it fits.
import type { Adapter, Look } from "../worker/messages";
import type { DeviceReport } from "../generated/types";
import { amount } from "./format";

/** Bytes that the memory of one WebAssembly module can have at most. */
const MODULE = 2 ** 32;
/** Why a smaller file may help. */
const SMALLER = "a smaller model, or a GGUF file of it with fewer bits a weight, such as Q4_K_M";
const COMMAND = "the command layerlab, which may use all memory of this machine";

/** What stands in the way, and what helps. */
export interface Problem {
  cause: string;
  cure: string;
  /** Whether it would fit on the CPU. */
  onCpu: boolean;
}

/** What a model takes on the CPU, in bytes. */
export interface CpuMemory {
  /** Of one worker. */
  each: number;
  /** Of all workers that hold the model. */
  all: number;
  /** Of the weights in each. */
  weights: number;
}

/** What it takes on the CPU: by its headers, or by the size of its files where there are none. */
export function cpuMemory({ needs, program, weightBytes, workers }: Look): CpuMemory {
  const each = program + (needs?.stored.peak ?? weightBytes);
  return { each, all: each * workers, weights: needs?.stored.weights ?? weightBytes };
}

/** Bytes that one tensor may have on a GPU. */
export function largestOn(adapter: Adapter): number {
  return Math.min(adapter.maxBuffer, adapter.maxBinding);
}

/** Why the model cannot be opened on the device that is in use, if it cannot. */
export function problemOf(look: Look, device: DeviceReport | null, adapter: Adapter | null): Problem | null {
  const onCpu = cpuMemory(look).each <= MODULE;
  const isCpu = device === null || device.kind === "cpu";
  return roomProblem(look, onCpu) ?? (isCpu ? cpuProblem(look, onCpu, adapter) : gpuProblem(look, onCpu, adapter));
}

function roomProblem({ missing, room }: Look, onCpu: boolean): Problem | null {
  if (room === null || missing <= room) return null;
  return {
    cause: `The browser has room for ${amount(room)} more of this page, and ${amount(missing)} are to come.`,
    cure: "Delete a kept model, or download the files yourself and drop them here: those are not copied.",
    onCpu,
  };
}

function cpuProblem(look: Look, onCpu: boolean, adapter: Adapter | null): Problem | null {
  if (onCpu) return null;
  const { each } = cpuMemory(look);
  const fitsGpu = adapter !== null && (look.needs?.gpu.largest_bytes ?? Infinity) <= largestOn(adapter);
  const gpu = fitsGpu ? "a GPU, which has memory of its own (below, under Device), or " : "";
  return {
    cause: `On the CPU it takes about ${amount(each)}, and a browser gives WebAssembly ${amount(MODULE)} at most.`,
    cure: `What helps: ${gpu}${SMALLER}, or ${COMMAND}.`,
    onCpu,
  };
}

function gpuProblem({ needs }: Look, onCpu: boolean, adapter: Adapter | null): Problem | null {
  if (needs === null || adapter === null || needs.gpu.largest_bytes <= largestOn(adapter)) return null;
  const { largest_bytes, largest_tensor } = needs.gpu;
  const other = onCpu ? "the CPU, which has no such limit" : COMMAND;
  return {
    cause:
      `On this GPU it does not fit: ${largest_tensor} takes ${amount(largest_bytes)} there in one piece, and one ` +
      `piece may have ${amount(largestOn(adapter))}.`,
    cure: `What helps: ${other}; or a model with a smaller vocabulary.`,
    onCpu,
  };
}
