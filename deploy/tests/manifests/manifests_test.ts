import { assertEquals, assertThrows } from "assertions";
import { DCLinter } from "dclint";
import jsonPatch from "fast-json-patch";
import { Deployment } from "kubernetes-models/apps/v1/Deployment";
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy";
import { Service } from "kubernetes-models/v1/Service";
import { PodMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/PodMonitor";
import { parse, parseAllDocuments } from "yaml";

// deno-lint-ignore no-explicit-any -- the shape is what is being checked
type Manifest = any;

/** Reads a YAML file below `deploy/`. */
function read(path: string): Manifest {
  return parse(Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url)), { merge: true });
}

/** The published schema of each kind that is used here. */
const kinds = { Deployment, HorizontalPodAutoscaler, NetworkPolicy, Service, PodMonitor };

function validate(manifest: Manifest): void {
  const Kind = kinds[manifest.kind as keyof typeof kinds];
  new Kind(manifest).validate();
}

Deno.test("compose.yaml satisfies the Compose specification's schema", () => {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] });
  const [result] = linter.lintFiles([new URL("../../compose.yaml", import.meta.url).pathname], false);
  // The linter's other rules are matters of taste, such as the order of keys.
  assertEquals(result?.messages.filter(({ rule }) => rule === "invalid-schema"), []);
});

const base = read("kubernetes/base/kustomization.yaml");
for (const file of base.resources as string[]) {
  Deno.test(`kubernetes/base/${file} satisfies its kind's published schema`, () => {
    validate(read(`kubernetes/base/${file}`));
  });
}

Deno.test("a manifest with a wrong type does not pass the check", () => {
  const deployment = read("kubernetes/base/deployment.yaml");
  deployment.spec.replicas = "one";
  assertThrows(() => validate(deployment), Error, "replicas");
});

Deno.test("the GPU overlay's patches apply to the base and leave a valid Deployment", () => {
  const deployment = read("kubernetes/base/deployment.yaml");
  for (const { patch } of read("kubernetes/overlays/gpu/kustomization.yaml").patches) {
    jsonPatch.applyPatch(deployment, parse(patch), true);
  }
  validate(deployment);
  const server = deployment.spec.template.spec.initContainers[0];
  assertEquals(server.args.slice(-2), ["-ngl", "999"]);
  assertEquals(server.resources.limits["nvidia.com/gpu"], 1);
});

const fleet = read("kubernetes/overlays/fleet/kustomization.yaml");
for (const file of (fleet.resources as string[]).filter((path) => path.endsWith(".yaml"))) {
  Deno.test(`kubernetes/overlays/fleet/${file} satisfies its kind's published schema`, () => {
    validate(read(`kubernetes/overlays/fleet/${file}`));
  });
}

Deno.test("the fleet overlay's patches apply to the base and leave modeld alone in its pod, with a way to the servers", () => {
  const patched = new Map<string, Manifest>();
  for (const file of base.resources as string[]) {
    const manifest = read(`kubernetes/base/${file}`);
    patched.set(manifest.kind, manifest);
  }
  for (const { target, patch } of fleet.patches) jsonPatch.applyPatch(patched.get(target.kind), parse(patch), true);
  for (const manifest of patched.values()) validate(manifest);
  const pod = patched.get("Deployment").spec.template.spec;
  assertEquals([pod.initContainers, pod.containers.length], [undefined, 1]);
  const url = new URL(
    (fleet.configMapGenerator[0].literals as string[])[0]?.replace("LLAMA_URL=http+dns", "http") ?? "",
  );
  const service = read("kubernetes/overlays/fleet/llama_service.yaml");
  assertEquals([service.metadata.name, service.spec.clusterIP, service.spec.ports[0].port], [
    url.hostname,
    "None",
    Number(url.port),
  ]);
  const egress = patched.get("NetworkPolicy").spec.egress;
  assertEquals(egress[1].to[0].podSelector.matchLabels, service.spec.selector);
});

Deno.test("everything that selects modeld's pods selects the label they have", () => {
  const label = { "app.kubernetes.io/name": "modeld" };
  const pod = read("kubernetes/base/deployment.yaml").spec.template.metadata.labels;
  assertEquals(pod, label);
  assertEquals(read("kubernetes/base/service.yaml").spec.selector, label);
  assertEquals(read("kubernetes/base/pod_monitor.yaml").spec.selector.matchLabels, label);
  assertEquals(read("kubernetes/base/network_policy.yaml").spec.podSelector.matchLabels, label);
});

Deno.test("the PodMonitor calls its job modeld, as the alerts and the dashboard do", () => {
  const { jobLabel } = read("kubernetes/base/pod_monitor.yaml").spec;
  const { labels } = read("kubernetes/base/deployment.yaml").spec.template.metadata;
  assertEquals(labels[jobLabel], "modeld");
});

Deno.test("compose and Kubernetes give modeld longer to stop than modeld takes to drain", () => {
  const seconds = (duration: string): number => Number(duration.match(/^(\d+)s$/)?.[1]);
  const { modeld } = read("compose.yaml").services;
  assertEquals(seconds(modeld.stop_grace_period) > seconds(modeld.environment.MODELD_SHUTDOWN_TIMEOUT), true);
  const pod = read("kubernetes/base/deployment.yaml").spec.template.spec;
  const drain = (base.configMapGenerator[0].literals as string[])
    .find((literal) => literal.startsWith("MODELD_SHUTDOWN_TIMEOUT="))?.split("=")[1] ?? "";
  const preStop = pod.containers[0].lifecycle.preStop.sleep.seconds;
  assertEquals(pod.terminationGracePeriodSeconds > preStop + seconds(drain), true);
});

Deno.test("the inference gateway's pool, route and picker fit each other and modeld's pods", () => {
  const folder = "kubernetes/inference-gateway";
  const overlay = read(`${folder}/kustomization.yaml`);
  const pool = read(`${folder}/inference_pool.yaml`);
  const route = read(`${folder}/http_route.yaml`);
  const picker = parseAllDocuments(
    Deno.readTextFileSync(new URL(`../../${folder}/endpoint_picker.yaml`, import.meta.url)),
  )
    .map((document) => document.toJS({ maxAliasCount: 10 }) as Manifest);
  const service = picker.find(({ kind }) => kind === "Service");
  const deployment = read("kubernetes/base/deployment.yaml");
  const others = ["horizontal_pod_autoscaler", "network_policy", "pod_monitor"].map((file) => read(`kubernetes/base/${file}.yaml`));
  const byKind = new Map<string, Manifest>([deployment, ...others].map((manifest) => [manifest.kind, manifest]));
  for (const { target, patch } of overlay.patches) jsonPatch.applyPatch(byKind.get(target.kind), parse(patch), true);
  for (const manifest of byKind.values()) validate(manifest);
  const { metadata: { labels }, spec: { containers: [modeld] } } = deployment.spec.template;
  assertEquals(pool.spec.selector.matchLabels["app.kubernetes.io/name"], labels["app.kubernetes.io/name"]);
  assertEquals(modeld.ports.map((port: Manifest) => port.containerPort), [pool.spec.targetPorts[0].number, 9090]);
  assertEquals([pool.spec.endpointPickerRef.name, pool.spec.endpointPickerRef.port.number], [
    service.metadata.name,
    service.spec.ports[0].port,
  ]);
  const { kind, name } = route.spec.rules[0].backendRefs[0];
  assertEquals([kind, name], [pool.kind, pool.metadata.name]);
  const config = read(`${folder}/endpoint_picker_config.yaml`);
  const [engine] =
    config.plugins.find(({ type }: Manifest) => type === "core-metrics-extractor").parameters.engineConfigs;
  assertEquals(labels["llm-d.ai/engine-type"], engine.name);
  const defined = config.plugins.map(({ type }: Manifest) => type);
  for (const { pluginRef } of config.schedulingProfiles[0].plugins) {
    assertEquals(defined.includes(pluginRef), true, pluginRef);
  }
});

Deno.test("what scales by metrics and what the picker reads are metrics that docs/metrics.md lists", () => {
  const documented = Deno.readTextFileSync(new URL("../../../docs/metrics.md", import.meta.url));
  const files = [
    "inference-gateway/endpoint_picker_config.yaml",
    "autoscaling/keda.yaml",
    "base/horizontal_pod_autoscaler.yaml",
  ];
  for (const file of files) {
    const text = Deno.readTextFileSync(new URL(`../../kubernetes/${file}`, import.meta.url));
    const names = text.match(/\bmodeld_[a-z_]+/g) ?? [];
    assertEquals(names.length > 0, true, file);
    for (const name of names) assertEquals(documented.includes(`\`${name}\``), true, `${file}: ${name}`);
  }
});
