import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const SCRIPT = new URL("../install.sh", import.meta.url).pathname;
const ARCHIVE = `modeld-${Deno.build.arch}-${Deno.build.os === "darwin" ? "apple-darwin" : "unknown-linux-gnu"}.tar.gz`;

/** A releases page on loopback that offers one release under `latest` and under `v1.2.3`. */
async function release(options: { sums?: (honest: string) => string } = {}): Promise<Release & AsyncDisposable> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/modeld`, "#!/bin/sh\necho modeld 1.2.3\n", { mode: 0o755 });
  await run("tar", ["-czf", `${folder}/${ARCHIVE}`, "-C", folder, "modeld"]);
  const archive = await Deno.readFile(`${folder}/${ARCHIVE}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", archive));
  const honest = `${digest.toHex()}  ${ARCHIVE}\n`;
  const files: Record<string, Uint8Array<ArrayBuffer>> = {
    [ARCHIVE]: archive,
    SHA256SUMS: new TextEncoder().encode((options.sums ?? ((sums) => sums))(honest)),
  };
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    const name = pathname.match(/^\/(?:latest\/download|download\/v1\.2\.3)\/([^/]+)$/)?.[1] ?? "";
    const body = files[name];
    return body === undefined ? new Response("not here", { status: 404 }) : new Response(body);
  });
  const target = `${folder}/bin`;
  return {
    asked,
    target,
    install: (...args) =>
      run("sh", [SCRIPT, "--to", target, ...args], { MODELD_RELEASES: `http://127.0.0.1:${server.addr.port}` }),
    async [Symbol.asyncDispose]() {
      await server.shutdown();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

interface Release {
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  readonly target: string;
  install(...args: string[]): Promise<Result>;
}

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, args: string[], env: Record<string, string> = {}): Promise<Result> {
  const output = await new Deno.Command(command, { args, env, stdin: "null" }).output();
  const text = new TextDecoder();
  return { code: output.code, stdout: text.decode(output.stdout), stderr: text.decode(output.stderr) };
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("install.sh puts the newest release's executable in place", async () => {
  await using page = await release();
  const { code, stdout, stderr } = await page.install();
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertStringIncludes(stdout, `installed ${page.target}/modeld`);
  assertEquals((await run(`${page.target}/modeld`, [])).stdout, "modeld 1.2.3\n");
  assertEquals(page.asked, [`/latest/download/${ARCHIVE}`, "/latest/download/SHA256SUMS"]);
});

Deno.test("install.sh takes the version that is asked for", async () => {
  await using page = await release();
  assertEquals((await page.install("--version", "v1.2.3")).code, 0);
  assertEquals(page.asked[0], `/download/v1.2.3/${ARCHIVE}`);
});

Deno.test("install.sh installs nothing when the checksum differs", async () => {
  await using page = await release({ sums: (honest) => honest.replace(/^[0-9a-f]{8}/, "00000000") });
  const { code, stderr } = await page.install();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "is not what the release says");
  assert(!await exists(`${page.target}/modeld`));
});

Deno.test("install.sh installs nothing when the release has no checksum for the archive", async () => {
  await using page = await release({ sums: (honest) => honest.replace(ARCHIVE, "another.tar.gz") });
  const { code, stderr } = await page.install();
  assertEquals(code, 1);
  assertStringIncludes(stderr, `SHA256SUMS has no line for ${ARCHIVE}`);
  assert(!await exists(`${page.target}/modeld`));
});

Deno.test("install.sh names what it could not download", async () => {
  await using page = await release();
  const { code, stderr } = await page.install("--version", "v9.9.9");
  assertEquals(code, 1);
  assertStringIncludes(stderr, `/download/v9.9.9/${ARCHIVE}`);
});

Deno.test("install.sh replaces an older modeld while that one runs", async () => {
  await using page = await release();
  await Deno.mkdir(page.target);
  await Deno.copyFile("/bin/sleep", `${page.target}/modeld`);
  const old = new Deno.Command(`${page.target}/modeld`, { args: ["30"], stdout: "null", stderr: "null" }).spawn();
  try {
    assertEquals((await page.install()).code, 0);
    assertEquals((await run(`${page.target}/modeld`, [])).stdout, "modeld 1.2.3\n");
  } finally {
    old.kill();
    await old.status;
  }
});

Deno.test("install.sh says what is missing when it does not know where releases are", async () => {
  const { code, stderr } = await run("sh", [SCRIPT]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "MODELD_RELEASES is not set");
});
