import type { Draft } from "./draft.ts";

/** Finds settings that are fine alone and make no sense together. */
export function findConflicts({ values, problems }: Draft): void {
  const budget = Number(values["vramBudgetMb"]);
  const margin = Number(values["vramMarginMb"]);
  if (budget > 0 && margin >= budget) {
    problems.push(`vram_margin_mb: ${margin} leaves nothing of vram_budget_mb ${budget}: make it smaller`);
  }
}
