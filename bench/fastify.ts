/** A proxy of the Node world with its defaults, but for as many connections as the loads open. */
const PROGRAM = `
import fastify from "fastify";
import proxy from "@fastify/http-proxy";
const [port, upstreamPort] = process.argv.slice(2);
const app = fastify({ bodyLimit: 4194304 });
await app.register(proxy, { upstream: "http://127.0.0.1:" + upstreamPort, undici: { connections: 4096, pipelining: 1 } });
await app.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
`;

/** Installs it into `folder`; resolves to how it is started, or to why it cannot be. */
export async function installFastify(folder: string): Promise<{ program: string } | { missing: string }> {
  const packages = ["fastify@5", "@fastify/http-proxy@11"];
  const missing = await failure("node", ["--version"]) ??
    await failure("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--silent", ...packages]);
  if (missing !== undefined) return { missing };
  const program = `${folder}/fastify.mjs`;
  await Deno.writeTextFile(program, PROGRAM);
  return { program };
}

async function failure(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command(program, { args: [...args], stdout: "null", stderr: "null" }).output();
    return success ? undefined : `"${program} ${args.join(" ")}" fails`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${program}`;
    throw error;
  }
}
