const NATIVE = new URL("./native/", import.meta.url).pathname;
const FALLBACK = new URL("./fallback/", import.meta.url).pathname;

/** The commands of the paced upstream and of the load generator; both take `name=value` arguments. */
export interface Helpers {
  /** What they are, for the report. */
  readonly kind: string;
  readonly upstream: readonly string[];
  readonly load: readonly string[];
}

/**
 * Compiles the C helpers into `folder`; where that cannot be done, answers with the slower ones in TypeScript. Those take
 * 460 µs from one to the other, ten times what modeld adds to a token: ratios still mean something there, microseconds do not.
 */
export async function makeHelpers(folder: string): Promise<Helpers> {
  const upstream = `${folder}/upstream`;
  const load = `${folder}/load`;
  const why = await compile(`${NATIVE}upstream.c`, upstream) ?? await compile(`${NATIVE}load.c`, load);
  if (why === undefined) return { kind: "C, epoll", upstream: [upstream], load: [load] };
  console.log(`No C helpers (${why}): the slower ones in TypeScript are used; see their ceiling below.`);
  const run = [Deno.execPath(), "run", "-q", "--no-config", "--no-lock", "--no-prompt", "--allow-net=127.0.0.1"];
  return {
    kind: "TypeScript",
    upstream: [...run, `${FALLBACK}upstream.ts`],
    load: [...run, `${FALLBACK}load.ts`],
  };
}

/** Resolves to why it did not work, if it did not. */
async function compile(source: string, output: string): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "they need Linux";
  try {
    const { success, stderr } = await new Deno.Command("cc", { args: ["-O2", "-o", output, source] }).output();
    return success ? undefined : `cc failed: ${new TextDecoder().decode(stderr).split("\n", 1)[0]}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no cc";
    throw error;
  }
}
