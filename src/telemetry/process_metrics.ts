import process from "node:process";
import { Counter, Gauge, type Registry } from "./prometheus.ts";

/**
 * What the process uses, from what Deno tells without a permission: prom-client's own process metrics read /proc, which Deno
 * allows only with all permissions, and would show zeros. @returns what brings them up to date; called at each scrape.
 */
export function processMetrics(registry: Registry, startedWallTime: number): () => void {
  const registers = [registry];
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const cpu = new Counter({ name: "process_cpu_seconds_total", help: "User and system CPU time.", registers });
  const rss = gauge("process_resident_memory_bytes", "Resident memory.");
  const heapUsed = gauge("modeld_heap_used_bytes", "V8 heap in use.");
  const heapTotal = gauge("modeld_heap_total_bytes", "V8 heap reserved.");
  gauge("process_start_time_seconds", "When the process started, in Unix seconds.").set(startedWallTime / 1000);
  return () => {
    const { user, system } = process.cpuUsage();
    cpu.reset();
    cpu.inc((user + system) / 1e6);
    const memory = Deno.memoryUsage();
    rss.set(memory.rss);
    heapUsed.set(memory.heapUsed);
    heapTotal.set(memory.heapTotal);
  };
}
