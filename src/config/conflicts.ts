import type { Draft } from "./draft.ts";

/** Finds settings that are fine alone and make no sense together. */
export function findConflicts(draft: Draft): void {
  const [budget, margin] = [draft.value("vramBudgetMb"), draft.value("vramMarginMb")];
  if (budget > 0 && margin >= budget) {
    draft.problems.push(`vram_margin_mb: ${margin} leaves nothing of vram_budget_mb ${budget}: make it smaller`);
  }
}
