import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import { eventually } from "../tests/support/eventually.ts";
import { infer } from "../tests/support/ndjson_client.ts";
import { INSTALL_PROMETHEUS, Prometheus } from "./support/prometheus.ts";
import { withRouter, withStack } from "./support/stack.ts";

/** Leaves these tests out where there is no Prometheus; they then say so. */
const LEFT_OUT = Deno.env.get("MODELD_WITHOUT_PROMETHEUS") !== undefined;
if (LEFT_OUT) console.log("NOT RUN: e2e/prometheus_test.ts (MODELD_WITHOUT_PROMETHEUS is set)");

const root = new URL("..", import.meta.url).pathname;

/** A test that needs the programs of Debian's package prometheus. */
function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name, ignore: LEFT_OUT, fn: run });
}

/** Runs promtool; gives what it printed. @throws Error that says what is missing, or what promtool found. */
async function promtool(args: readonly string[], input = ""): Promise<string> {
  let process: Deno.ChildProcess;
  try {
    process = new Deno.Command("promtool", { args: [...args], stdin: "piped", stdout: "piped", stderr: "piped" })
      .spawn();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`no promtool: ${INSTALL_PROMETHEUS}`);
  }
  const [{ code, stdout, stderr }] = await Promise.all([
    process.output(),
    new Blob([input]).stream().pipeTo(process.stdin),
  ]);
  const printed = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`promtool ${args.join(" ")}:\n${printed}`);
  return printed;
}

/** Every query of the dashboard, for all instances and models; those of annotations without their threshold. */
async function dashboardQueries(): Promise<string[]> {
  const { panels, annotations } = JSON.parse(await Deno.readTextFile(`${root}deploy/grafana/modeld.json`));
  const queries: string[] = [
    ...panels.flatMap((panel: { targets?: { expr: string }[] }) => (panel.targets ?? []).map(({ expr }) => expr)),
    ...annotations.list.map(({ expr }: { expr: string }) => withoutThreshold(expr)),
  ];
  return queries.map((expr) => expr.replaceAll(/\$__(rate_)?interval/g, "1m").replaceAll(/\$(instance|model)/g, ".*"));
}

/** Every alert's query without its threshold: what it looks at must be there before anything is wrong. */
async function alertQueries(): Promise<string[]> {
  const { groups } = parse(await Deno.readTextFile(`${root}deploy/prometheus/alerts.yml`));
  return groups.flatMap((group: { rules: { expr: string }[] }) => group.rules)
    .map(({ expr }: { expr: string }) => withoutThreshold(expr));
}

function withoutThreshold(expr: string): string {
  const query = expr.trim().replace(/\s*(==|>)\s*[\d.]+$/, "");
  assert(query !== expr.trim(), `no threshold at the end of ${expr}`);
  return query;
}

test("every query of the dashboard and of the alerts returns data from a modeld that a real Prometheus scrapes", async () => {
  const options = { llama: ["--models-max", "1"], modeld: ["--max-queue-depth", "1"] };
  await withRouter(["a", "b"], options, async ({ llama, modeld }) => {
    await using prometheus = await Prometheus.start(modeld.url.host);
    const seen = (what: string, count: number) =>
      eventually(`Prometheus has seen ${count} of ${what}`, async () => {
        const [sample] = await prometheus.query(`sum(modeld_requests_total{${what}})`);
        return sample?.value === count;
      });
    // One after the other, each scraped before the next: a rate needs a counter that grows.
    for (const [before, model] of ["a", "b", "a", "b", "a"].entries()) {
      await (await infer(modeld.url, { model, prompt: "Once upon", max_tokens: 8 })).last();
      await seen(`outcome="ok"`, before + 1);
    }
    const several = JSON.stringify({ model: "a", prompt: "Once", n: 2, max_tokens: 4 });
    const headers = { "Content-Type": "application/json" };
    await (await fetch(new URL("/v1/completions", modeld.url), { method: "POST", headers, body: several })).text();
    await seen(`outcome="ok"`, 6);
    const long = { model: "a", prompt: "Once", max_tokens: 15_000 };
    const cut = [await infer(modeld.url, long), await infer(modeld.url, long)];
    for (const stream of cut) await stream.read(2);
    const waiting = infer(modeld.url, long);
    await eventually("Prometheus has seen it wait", async () => {
      return (await prometheus.query("modeld_client_queue_depth")).some(({ value }) => value === 1);
    });
    assertEquals((await (await infer(modeld.url, long)).last()).type, "queue_full");
    await seen(`outcome="rejected"`, 1);
    await llama.stop("SIGKILL");
    const ends = await Promise.all(cut.map(async (stream) => (await stream.last()).type));
    // A router may have time for an error of its own when it loses the model's process first.
    const truncated = ends.filter((type) => type === "truncated").length;
    assert(truncated > 0 && ends.every((type) => type === "truncated" || type === "upstream_error"), ends.join());
    await seen(`outcome="truncated"`, truncated);
    await (await waiting).last();
    await (await infer(modeld.url, { model: "a", prompt: "Once" })).last();
    await seen(`outcome="upstream_error"`, 2 + ends.length - truncated);

    const queries = [...await dashboardQueries(), ...await alertQueries()];
    assert(queries.length > 80, `only ${queries.length} queries were found`);
    const empty: string[] = [];
    for (const query of queries) {
      // Some hold only while something runs or waits, as it did a moment ago.
      const samples = [
        ...await prometheus.query(query),
        ...await prometheus.query(`last_over_time((${query})[1m:100ms])`),
      ];
      if (!samples.some(({ value }) => Number.isFinite(value))) empty.push(query);
    }
    assertEquals(empty, [], "queries without data");
    assertEquals((await prometheus.query(`up{job="modeld"}`)).map(({ value }) => value), [1]);
    assertEquals((await prometheus.query("modeld_llama_server_up")).map(({ value }) => value), [0]);
  });
});

test("promtool finds nothing to say about modeld's metrics", async () => {
  await withStack({}, async ({ modeld }) => {
    await (await infer(modeld.url, { prompt: "Once", max_tokens: 4 })).last();
    const { headers, text } = await modeld.get("/metrics");
    assertEquals(headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assertEquals(await promtool(["check", "metrics"], text), "");
  });
});

test("promtool accepts the alerts, and each of them fires on what it is for", async () => {
  await promtool(["check", "rules", `${root}deploy/prometheus/alerts.yml`]);
  await promtool(["test", "rules", `${root}deploy/prometheus/alerts_test.yml`]);
  await promtool(["check", "config", `${root}deploy/prometheus/prometheus.yml`]);
});
