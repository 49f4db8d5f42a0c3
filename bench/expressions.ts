/**
 * What one evaluation costs: ours against jq-wasm, jqjs and, where it is installed, jq itself, in the same run. Three shapes, and 30
 * expressions of the specification's examples when `SPEC_EXAMPLES` says where they are. Then what compiling and importing costs.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import jqjs from "@michaelhomer/jqjs";
import { loadJq } from "jq-wasm";
import { parseAllDocuments } from "yaml";
import { bundleJq } from "../scripts/bundle-jq.mjs";
import { compile } from "../src/expressions/jq/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../src/values/json.ts";
import { medianOf, table } from "./support.ts";

const ROUND_MS = 100;
const ROUNDS = 7;
const EXPRESSIONS = 30;
const root = path.join(import.meta.dirname, "..");

interface Case {
  readonly name: string;
  readonly source: string;
  readonly input: Json;
  /** Bound as `$name`. */
  readonly variables: JsonObject;
}

/** Evaluates a case once; the first output is asked for where an engine can stop there. */
type Engine = (one: Case) => () => unknown;

const jq = await loadJq();

const ENGINES: Readonly<Record<string, Engine>> = {
  ours({ source, input, variables }) {
    const program = compile(source, { variables: Object.keys(variables) });
    return () => program.first(input, variables);
  },
  jqjs(one) {
    const { program, value } = bound(one);
    const filter = jqjs.compile(program);
    return () => {
      for (const output of filter(value)) return output;
      return undefined;
    };
  },
  "jq-wasm"(one) {
    const { program, value } = bound(one);
    const text = JSON.stringify(value);
    const run = () => {
      const { exitCode, stdout, stderr } = jq.raw(text, `first(${program})`, ["-c"]);
      if (exitCode !== 0) throw new Error(stderr);
      return stdout === "" ? undefined : JSON.parse(stdout);
    };
    return run;
  },
};

/** The variables that are read travel in the input where an engine takes none. */
function bound({ source, input, variables }: Case): { readonly program: string; readonly value: Json } {
  const names = compile(source, { variables: Object.keys(variables) }).reads;
  if (names.length === 0) return { program: source, value: input };
  const bindings = names.map((name, index) => `.[${index + 1}] as $${name} | `).join("");
  return { program: `${bindings}.[0] | (${source})`, value: [input, ...names.map((name) => variables[name] ?? null)] };
}

/** Evaluations a second in one round. */
function rateOf(run: () => unknown, leastMs: number): number {
  let count = 0;
  let batch = 1;
  const begun = performance.now();
  for (;;) {
    for (let i = 0; i < batch; i++) run();
    count += batch;
    const spentMs = performance.now() - begun;
    if (spentMs >= leastMs) return (count / spentMs) * 1_000;
    batch = Math.min(batch * 2, 10_000);
  }
}

/** Rates by engine, in rounds that take turns; an engine that cannot evaluate the case is left out. */
function measured(one: Case, roundMs: number): Map<string, number> {
  const runs = new Map<string, () => unknown>();
  for (const [name, engine] of Object.entries(ENGINES)) {
    try {
      const run = engine(one);
      run();
      runs.set(name, run);
    } catch {
      // It has no result to compare.
    }
  }
  const rates = new Map([...runs.keys()].map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, run] of runs) rates.get(name)?.push(rateOf(run, roundMs));
  }
  return new Map([...rates].map(([name, values]) => [name, medianOf(values)]));
}

/** jq itself, in one process over many copies of the input. */
function nativeRate({ source, input }: Case): number | undefined {
  const time = (copies: number) => {
    const text = `${JSON.stringify(input)}\n`.repeat(copies);
    const begun = performance.now();
    const { status } = spawnSync("jq", ["-c", source], { input: text, stdio: ["pipe", "ignore", "ignore"] });
    return status === 0 ? performance.now() - begun : Number.NaN;
  };
  const copies = Math.max(10, Math.ceil(20_000_000 / JSON.stringify(input).length / 10));
  const spentMs = time(copies) - time(1);
  return spentMs > 0 ? (copies / spentMs) * 1_000 : undefined;
}

const order = {
  order: {
    id: "o-1000",
    customer: { name: "Ada Lovelace", email: "ada@example.com", tier: "gold" },
    payment: { status: "paid", method: "card" },
    lines: Array.from({ length: 23 }, (_, i) => ({
      sku: `sku-${i}`,
      name: `Product number ${i}`,
      price: 10 + i,
      quantity: 1 + (i % 3),
    })),
  },
};
const people = Array.from({ length: 900 }, (_, i) => ({
  id: i,
  name: `Person number ${i}`,
  age: 20 + (i % 60),
  active: i % 3 !== 0,
  tags: ["a", "b", `t${i % 7}`],
  city: "Santiago",
}));

const SHAPES: readonly Case[] = [
  { name: ".a.b.c", source: ".a.b.c", input: { a: { b: { c: 1 } } }, variables: {} },
  {
    name: "medium expression",
    source: `{id: .order.id, total: ([.order.lines[] | .price * .quantity] | add),
      many: [.order.lines[] | select(.quantity > 1) | .name], paid: (.order.payment.status == "paid"),
      to: "\\(.order.customer.name) <\\(.order.customer.email)>"}`,
    input: order,
    variables: {},
  },
  { name: "map/select", source: "map(select(.age > 30 and .active) | {id, name})", input: people, variables: {} },
];

/** Something of everything the examples ask for. */
const SAMPLE: JsonObject = {
  ...order,
  a: 1,
  colors: ["red", "green"],
  items: [1, 2, 3],
  pets: [{ id: 1, name: "Milou" }],
  petId: 1,
  status: "ok",
  temperature: 38,
  user: { firstName: "Ada", lastName: "Lovelace" },
};

/** The first 30 different expressions of the examples that can be evaluated on the sample. */
function specificationCases(): readonly Case[] {
  const directory = process.env.SPEC_EXAMPLES;
  if (directory === undefined || !existsSync(directory)) {
    console.log("SPEC_EXAMPLES is not set to a directory: the specification's expressions are left out\n");
    return [];
  }
  const sources = readdirSync(directory)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(path.join(directory, file), "utf8")))
    .flatMap((document) => expressionsIn(document.toJS()));
  const variables: JsonObject = Object.fromEntries(
    [
      "context",
      "input",
      "output",
      "task",
      "workflow",
      "runtime",
      "secrets",
      "authorization",
      "item",
      "index",
      "error",
    ].map((name) => [name, SAMPLE]),
  );
  return [...new Set(sources)]
    .map((source): Case => ({ name: source, source, input: SAMPLE, variables }))
    .filter(isEvaluable)
    .slice(0, EXPRESSIONS);
}

function expressionsIn(value: unknown): readonly string[] {
  if (typeof value === "string") {
    const found = /^\s*\$\{([\s\S]*)\}\s*$/.exec(value)?.[1];
    return found === undefined ? [] : [found.trim()];
  }
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  return isJsonObject(value) ? Object.values(value).flatMap(expressionsIn) : [];
}

function isEvaluable(one: Case): boolean {
  try {
    ENGINES.ours?.(one)();
    return true;
  } catch {
    return false;
  }
}

function perSecond(rate: number | undefined): string {
  return rate === undefined ? "-" : Math.round(rate).toLocaleString("en");
}

function ratio(ours: number | undefined, theirs: number | undefined): string {
  return ours === undefined || theirs === undefined ? "-" : `${(ours / theirs).toFixed(1)}x`;
}

function compileMicroseconds(source: string, variables: readonly string[]): number {
  let copy = 0;
  // A comment makes each text a new one; otherwise it would be found compiled.
  const once = () => compile(`${source}\n# ${copy++}`, { variables });
  return medianOf(Array.from({ length: ROUNDS }, () => 1e6 / rateOf(once, ROUND_MS / 2)));
}

/** The least and the median of one file, in fresh processes. @param loader arguments of Node. */
function importMilliseconds(file: string, loader: readonly string[]): readonly [string, string] {
  const script = `const t = performance.now(); await import(${JSON.stringify(file)}); console.log(performance.now() - t)`;
  const args = [...loader, "--input-type=module", "-e", script];
  const times = Array.from({ length: 15 }, () => Number(spawnSync(process.execPath, args, { cwd: root }).stdout));
  return [`${Math.min(...times).toFixed(1)} ms`, `${medianOf(times).toFixed(1)} ms`];
}

/** The file that `npm run build` makes, and the source under tsx, which has it compiled from an earlier run. */
async function importRows(): Promise<readonly (readonly string[])[]> {
  const directory = mkdtempSync(path.join(root, "node_modules", ".bench-"));
  try {
    const built = path.join(directory, "jq.mjs");
    await bundleJq(built);
    const source = path.join(root, "src/expressions/jq/index.ts");
    return [
      ["the built file", ...importMilliseconds(built, [])],
      ["the source, under tsx", ...importMilliseconds(source, ["--import", "tsx"])],
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

// First of all, while nothing else is to be done.
console.log(`${table(["import of durabull/jq", "least", "median"], await importRows())}\n`);

const hasNative = spawnSync("jq", ["--version"]).status === 0;
if (!hasNative) console.log("jq is not installed: no comparison with it\n");

const head = ["expression", "bytes of input", "ours, evaluations/s", "to jqjs", "to jq-wasm", "to jq"];
const shapeRows = SHAPES.map((one) => {
  const rates = measured(one, ROUND_MS);
  const ours = rates.get("ours");
  const native = hasNative ? nativeRate(one) : undefined;
  const bytes = JSON.stringify(one.input).length;
  return [
    one.name,
    bytes,
    perSecond(ours),
    ratio(ours, rates.get("jqjs")),
    ratio(ours, rates.get("jq-wasm")),
    ratio(ours, native),
  ] as const;
});
console.log(table(head, shapeRows));

const examples = specificationCases();
if (examples.length > 0) {
  const rates = examples.map((one) => measured(one, ROUND_MS / 10));
  const ratesOf = (name: string) => rates.map((rate) => rate.get(name));
  const ratios = (name: string) =>
    ratesOf("ours").flatMap((ours, i) => {
      const theirs = ratesOf(name)[i];
      return ours === undefined || theirs === undefined ? [] : [ours / theirs];
    });
  const rows = ["jqjs", "jq-wasm"].map((name) => {
    const values = ratios(name);
    return [name, values.length, `${medianOf(values).toFixed(1)}x`, `${Math.min(...values).toFixed(1)}x`] as const;
  });
  const median = medianOf(ratesOf("ours").map((rate) => rate ?? 0));
  console.log(`\n${examples.length} expressions of the specification; the median: ${perSecond(median)} evaluations/s`);
  console.log(table(["against", "of them it evaluates", "median ratio", "least ratio"], rows));
}

const compiled = (examples.length > 0 ? examples : SHAPES).map(({ source, variables }) =>
  compileMicroseconds(source, Object.keys(variables)),
);
console.log(
  `\ncompiling the median expression: ${medianOf(compiled).toFixed(1)} µs, the longest: ${Math.max(...compiled).toFixed(1)} µs`,
);
