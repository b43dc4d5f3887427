import type { ServerModelState } from "../adapter.ts";

/** A router's model as it says itself, in its list and in its events. */
export interface RouterStatus {
  /** Its word for the state. */
  readonly value: string;
  /** Whether the last run of the model ended badly. */
  readonly failed: boolean;
  /** How the process of the model ended. */
  readonly exitCode: number | undefined;
}

/** Where a model stands, and why if it failed. */
export interface ModelStanding {
  readonly state: ServerModelState;
  readonly reason?: string;
}

/** Reads a router's status; `undefined` for a word that modeld does not know. */
export function standingOf({ value, failed, exitCode }: RouterStatus): ModelStanding | undefined {
  switch (value) {
    case "loading":
      return { state: "loading" };
    case "loaded":
    case "sleeping": // wakes by itself when it is asked
      return { state: "loaded" };
    case "unloaded":
      return failed || (exitCode ?? 0) !== 0
        ? { state: "failed", reason: failureReason(exitCode) }
        : { state: "unloaded" };
    default:
      return undefined;
  }
}

function failureReason(exitCode: number | undefined): string {
  const how = exitCode === undefined ? "ended" : `ended with exit code ${exitCode}`;
  return `the model's process ${how}; llama-server's log says why`;
}
