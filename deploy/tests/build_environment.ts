/** What a build inherits from whoever runs the tests: where @std and the runtime under the executable come from. */
export function buildEnvironment(): Record<string, string> {
  return Object.fromEntries(["DENORT_BIN", "MODELD_STD"].flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}
