import { systemClock } from "../../src/base/clock.ts";
import { errorTable } from "../../src/http/error_table.ts";
import { BUCKETS_SECONDS } from "../../src/base/bucket_counts.ts";
import { endFields, severityOf } from "../../src/telemetry/inference_log.ts";
import { spanAttributes } from "../../src/telemetry/inference_traces.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { table } from "./section.ts";

/** The tables of docs/metrics.md: every metric, and the buckets of those that measure time. */
export function metricsTables(): string {
  const status = () => {
    throw new Error("the documentation scrapes nothing");
  };
  const rows = createMetrics({ status, version: "", clock: systemClock }).describe()
    .map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(", "), help]);
  return `${table(["metric", "type", "labels", "what it is"], rows)}
Time buckets, in seconds: ${BUCKETS_SECONDS.join(", ")}.`;
}

/** The table of docs/metrics.md and docs/logging.md: each outcome, how loud its line is, and the errors that lead to it. */
export function outcomesTable(): string {
  const rows = Object.entries(severityOf).map(([outcome, severity]) => {
    const kinds = Object.entries(errorTable).filter(([, row]) => row.outcome === outcome).map(([kind]) => code(kind));
    return [code(outcome), severity, kinds.join(", ")];
  });
  return table(["outcome", "level of its log line", "error types"], rows);
}

/** The table of docs/logging.md: the properties of the line at an inference's end. */
export function logFieldsTable(): string {
  return table(["property", "what it is"], endFields.map(({ name, help }) => [code(name), help]));
}

/** The table of docs/tracing.md: the attributes of an inference's span. */
export function spanAttributesTable(): string {
  return table(["attribute", "what it is"], spanAttributes.map(({ name, help }) => [code(name), help]));
}

function code(text: string): string {
  return `\`${text}\``;
}
