import { assertEquals } from "@std/assert";
import { BucketCounts } from "../../src/base/bucket_counts.ts";
import { Registry } from "../../src/telemetry/prometheus.ts";

/** The lines of a registry's text that are no comments. */
function samples(registry: Registry): string[] {
  return registry.render().split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

Deno.test("a metric is written with its help and type, and with its labels in the order they were declared", () => {
  const registry = new Registry();
  registry.counter({ name: "c_total", help: "What it counts.", labelNames: ["a", "b"] }).add({ b: "2", a: "1" });
  assertEquals(registry.render(), '# HELP c_total What it counts.\n# TYPE c_total counter\nc_total{a="1",b="2"} 1\n');
});

Deno.test("a metric without labels is there from the start", () => {
  const registry = new Registry();
  registry.counter({ name: "c_total", help: "" });
  registry.gauge({ name: "g", help: "" });
  registry.histogram({ name: "h", help: "", buckets: [1] });
  assertEquals(samples(registry), [
    "c_total 0",
    "g 0",
    'h_bucket{le="1"} 0',
    'h_bucket{le="+Inf"} 0',
    "h_sum 0",
    "h_count 0",
  ]);
});

Deno.test("quotes, backslashes and line breaks in a label are escaped", () => {
  const registry = new Registry();
  registry.gauge({ name: "g", help: "", labelNames: ["a"] }).add({ a: 'C:\\x "y"\nz' });
  assertEquals(samples(registry), ['g{a="C:\\\\x \\"y\\"\\nz"} 1']);
});

Deno.test("numbers that are not finite are written as Prometheus reads them", () => {
  const registry = new Registry();
  const gauge = registry.gauge({ name: "g", help: "" });
  const shown = (value: number) => {
    gauge.show([{}, value]);
    return samples(registry)[0];
  };
  assertEquals([Infinity, -Infinity, NaN, 1e21].map(shown), ["g +Inf", "g -Inf", "g NaN", "g 1e+21"]);
});

Deno.test("a bucket counts what is at most its bound, and those below it", () => {
  const registry = new Registry();
  const histogram = registry.histogram({ name: "h", help: "", labelNames: ["m"], buckets: [1, 2] });
  for (const value of [0.5, 1, 1.5, 2.5]) histogram.observe({ m: "x" }, value);
  assertEquals(samples(registry), [
    'h_bucket{le="1",m="x"} 2',
    'h_bucket{le="2",m="x"} 3',
    'h_bucket{le="+Inf",m="x"} 4',
    'h_sum{m="x"} 5.5',
    'h_count{m="x"} 4',
  ]);
});

Deno.test("whole counts of times are added, in seconds", () => {
  const registry = new Registry();
  const histogram = registry.histogram({ name: "h", help: "" });
  const counts = new BucketCounts();
  counts.observe(1_500, 2);
  histogram.fold({}, counts);
  histogram.fold({}, counts);
  const text = registry.render();
  assertEquals(/^h_bucket\{le="1"\} (\d+)$/m.exec(text)?.[1], "0");
  assertEquals(/^h_bucket\{le="2"\} (\d+)$/m.exec(text)?.[1], "4");
  assertEquals(/^h_sum (.+)$/m.exec(text)?.[1], "6");
});

Deno.test("what is shown replaces what was shown before, and what changed is written anew", () => {
  const registry = new Registry();
  const gauge = registry.gauge({ name: "g", help: "", labelNames: ["m"] });
  gauge.show([{ m: "a" }, 1], [{ m: "b" }, 2]);
  assertEquals(samples(registry), ['g{m="a"} 1', 'g{m="b"} 2']);
  gauge.show([{ m: "b" }, 3]);
  assertEquals(samples(registry), ['g{m="b"} 3']);
  gauge.add({ m: "b" }, -1);
  assertEquals(samples(registry), ['g{m="b"} 2']);
  gauge.show();
  assertEquals(samples(registry), []);
});
