import { assert, assertEquals } from "@std/assert";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { FakeClock } from "../support/fake_clock.ts";

const metrics = createMetrics({
  status: () => {
    throw new Error("nobody scrapes");
  },
  version: "1.2.3",
  clock: new FakeClock(),
});
const known = new Map(metrics.describe().map(({ name, labels }) => [name, labels]));

/** Each metric that a text names, with the labels that it selects by. */
function used(text: string): { name: string; labels: string[] }[] {
  const selectors = text.replaceAll('\\"', '"').matchAll(/\b((?:modeld|process)_[a-z_]+)(?:\{([^}]*)\})?/g);
  return Array.from(selectors, ([, name = "", labels = ""]) => ({
    name: known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""),
    labels: Array.from(labels.matchAll(/(\w+)=/g), ([, label]) => label ?? ""),
  }));
}

/** Labels that Prometheus itself puts on every series. */
const OF_PROMETHEUS = ["job", "instance", "le"];

for (
  const file of ["deploy/grafana/modeld.json", "deploy/prometheus/alerts.yml", "deploy/prometheus/alerts_test.yml"]
) {
  Deno.test(`${file} uses only metrics and labels that modeld has`, async () => {
    const metricsUsed = used(await Deno.readTextFile(new URL(`../../${file}`, import.meta.url)));
    assert(metricsUsed.length > 5);
    for (const { name, labels } of metricsUsed) {
      const has = known.get(name);
      assert(has !== undefined, `there is no metric ${name}`);
      assertEquals(labels.filter((label) => !has.includes(label) && !OF_PROMETHEUS.includes(label)), [], name);
    }
  });
}

Deno.test("every metric of modeld stands in the dashboard", async () => {
  const text = await Deno.readTextFile(new URL("../../deploy/grafana/modeld.json", import.meta.url));
  const shown = new Set(used(text).map(({ name }) => name));
  assertEquals([...known.keys()].filter((name) => !shown.has(name)), []);
});

Deno.test("every alert names its page in the runbook, and the runbook has it", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(`../../${path}`, import.meta.url));
  const [alerts, operations] = [await read("deploy/prometheus/alerts.yml"), await read("docs/operations.md")];
  const names = Array.from(alerts.matchAll(/- alert: (\w+)/g), ([, name = ""]) => name);
  assert(names.length > 10);
  assertEquals(names.filter((name) => !alerts.includes(`"When an alert fires", ${name}\n`)), []);
  assert(operations.includes("\n## When an alert fires\n"));
  assertEquals(names.filter((name) => !operations.includes(`**${name}`)), []);
});
