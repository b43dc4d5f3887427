/**
 * Why modeld must not serve on this version of Deno, with the remedy; undefined where it may. From 2.8.3 on Deno panics
 * when a client cancels an HTTP/2 request, whatever modeld answers or leaves out, until 2.9.3 mended it
 * (denoland/deno#36046, #36053; each of these releases was tried).
 */
export function unfitRuntime(version: string): string | undefined {
  const release = ordinal(version);
  if (!(release >= ordinal("2.8.3") && release < ordinal("2.9.3"))) return undefined;
  return `cannot serve on Deno ${version}: there one cancelled HTTP/2 request ends the whole process ` +
    `(Deno 2.8.3 to 2.9.2, denoland/deno#36046). Start modeld with Deno 2.9.6 or later`;
}

/** A number that is greater for a later release; NaN, which is neither before nor after, for a version of another form. */
function ordinal(version: string): number {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) * 1e6 + Number(minor) * 1e3 + Number(patch);
}
