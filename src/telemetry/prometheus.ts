/**
 * The parts of prom-client that modeld uses, each from its own file: the package's index also loads its push gateway and
 * its cluster support, and with them Node's http, https, zlib and cluster: half of modeld's time to start.
 */
import type * as promClient from "prom-client";
import counter from "prom-client/lib/counter.js";
import gauge from "prom-client/lib/gauge.js";
import histogram from "prom-client/lib/histogram.js";
import registry from "prom-client/lib/registry.js";

// The files carry no types of their own.
export const Counter = counter as typeof promClient.Counter;
export const Gauge = gauge as typeof promClient.Gauge;
export const Histogram = histogram as typeof promClient.Histogram;
export const Registry = registry as typeof promClient.Registry;
export type Counter = promClient.Counter;
export type Histogram = promClient.Histogram;
export type Registry = promClient.Registry;
