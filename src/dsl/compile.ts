import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import semver from "semver";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { policyAt } from "./authentication.ts";
import { closestTo } from "./did-you-mean.ts";
import { checkExtensions } from "./extensions.ts";
import { anyObjectOf, kindOf, listAt, objectOf, textOf } from "./fields.ts";
import { inputFlowAt, outputFlowAt, timeoutAt, timeoutEntryAt } from "./flow.ts";
import { outlineOf } from "./outline.ts";
import type { Report } from "./report.ts";
import { fixedEndpointAt, missingFrom } from "./resource.ts";
import { policyAt as retryAt } from "./retry.ts";
import { scheduleAt } from "./schedule.ts";
import { type Scope, within } from "./scope.ts";
import { errorAt } from "./tasks/raise.ts";
import { readTask, readTaskList } from "./tasks/task.ts";
import type { Task, Workflow } from "./workflow.ts";

const TOP_LEVEL = ["document", "input", "use", "do", "timeout", "output", "schedule", "evaluate"];
const USE = {
  what: "`use`",
  allowed: ["authentications", "errors", "extensions", "functions", "retries", "secrets", "timeouts", "catalogs"],
};
const HEADER = {
  what: "`document`",
  allowed: ["dsl", "namespace", "name", "version", "title", "summary", "tags", "metadata"],
  required: ["dsl", "namespace", "name", "version"],
};
const CATALOG = { what: "a catalog", allowed: ["endpoint"], required: ["endpoint"] };
const NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/;

/**
 * Reads a whole definition; what is wrong goes to `report`. The tree is worth something only when there is no issue; undefined for a
 * document of another language.
 */
export function compile(
  document: JsonObject,
  report: Report,
  resources: ReadonlyMap<string, string>,
): Workflow | undefined {
  if (document.document === undefined && document.specVersion !== undefined) {
    report.unsupported("/specVersion", `DSL ${String(document.specVersion)}`);
    return undefined;
  }
  const header = headerOf(document.document, report);
  reportTopLevel(document, report);
  const use = document.use === undefined ? {} : objectOf(document.use, "/use", USE, report);
  const { taskNames, variables } = outlineOf(document);
  const byKey = new Map<string, Task>();
  const scope: Scope = {
    report,
    use,
    taskNames,
    enclosing: [],
    calls: [],
    extended: true,
    loose: modeOf(document) === "loose",
    byKey,
    resources,
    isForeign: false,
    readList: readTaskList,
    readTask,
  };
  checkUse(use, scope, variables);
  const input = inputFlowAt(document.input, "/input", "workflowInput", scope);
  const output = outputFlowAt(document.output, "/output", "`output`", "workflowOutput", scope);
  const tasks = readTaskList(document.do, { pointer: "/do", key: "/do", reference: "/do", inFunction: false }, scope);
  const needs = missingFrom([input.schema, output.schema]);
  return {
    ...header,
    digest: digestOf(document),
    document,
    input,
    output,
    timeout: timeoutAt(document.timeout, "/timeout", "workflowTimeout", scope),
    ...scheduleAt(document, scope),
    tasks,
    listens: [...byKey.values()].some(({ kind }) => kind === "listen"),
    byKey,
    needs,
    isComplete: needs.length === 0 && ![...byKey.values()].some((task) => task.needs.length > 0),
  };
}

function headerOf(value: Json | undefined, report: Report): Pick<Workflow, "namespace" | "name" | "version" | "dsl"> {
  const header = objectOf(value, "/document", HEADER, report);
  if (header.dsl !== undefined) checkDsl(header.dsl, report);
  for (const key of ["namespace", "name"] as const) {
    const name = header[key];
    if (name === undefined || (typeof name === "string" && NAME.test(name))) continue;
    const form = 'must be 1 to 63 letters, digits and "-", neither first nor last a "-"';
    report.issue(`/document/${key}`, `\`${key}\` ${form}, not ${kindOf(name)}`);
  }
  const { version } = header;
  if (version !== undefined && (typeof version !== "string" || semver.valid(version) !== version.split("+")[0])) {
    const quotes = typeof version === "number" ? " (in quotes)" : "";
    report.issue(
      "/document/version",
      `\`version\` must be a semantic version such as "1.0.0"${quotes}, not ${kindOf(version)}`,
    );
  }
  for (const key of ["title", "summary"] as const) {
    if (header[key] !== undefined) textOf(header[key], `/document/${key}`, `\`${key}\``, report);
  }
  for (const key of ["tags", "metadata"] as const) {
    if (header[key] !== undefined) anyObjectOf(header[key], `/document/${key}`, `\`${key}\``, report);
  }
  const text = (key: string) => (typeof header[key] === "string" ? header[key] : "");
  return { namespace: text("namespace"), name: text("name"), version: text("version"), dsl: text("dsl") };
}

/** Releases of 1.0; what later ones mean is not known yet. */
function checkDsl(value: Json, report: Report): void {
  const version = typeof value === "string" ? semver.parse(value) : null;
  if (version === null || version.version !== String(value).split("+")[0]) {
    report.issue("/document/dsl", `\`dsl\` must be the version of the DSL, such as "1.0.3", not ${kindOf(value)}`);
  } else if (version.major !== 1 || version.minor !== 0 || version.prerelease.length > 0) {
    report.unsupported("/document/dsl", `DSL ${version.version} (write one of 1.0.0 to 1.0.3)`);
  }
}

function reportTopLevel(document: JsonObject, report: Report): void {
  for (const key of Object.keys(document)) {
    const close = TOP_LEVEL.includes(key) ? undefined : closestTo(key, TOP_LEVEL);
    if (close !== undefined)
      report.warning(pointerOf("", key), `"${key}" has no meaning here; did you mean "${close}"?`);
  }
  if (document.evaluate !== undefined) checkEvaluate(document.evaluate, report);
}

function checkEvaluate(value: Json, report: Report): void {
  const shape = { what: "`evaluate`", allowed: ["language", "mode"] };
  const { language = "jq", mode = "strict" } = objectOf(value, "/evaluate", shape, report);
  if (language !== "jq") report.unsupported("/evaluate/language", `evaluate.language ${String(language)}`);
  if (mode !== "strict" && mode !== "loose") {
    report.issue("/evaluate/mode", `\`mode\` must be "strict" or "loose", not ${kindOf(mode)}`);
  }
}

/** How texts are told from expressions, as it stands in a document. */
export function modeOf({ evaluate }: JsonObject): Json | undefined {
  return isJsonObject(evaluate) ? evaluate.mode : undefined;
}

/**
 * Looks at every entry of `use`, used or not. Named errors, retries and timeouts are read again where they are used, with the
 * variables known there; here they may name any variable that is bound somewhere.
 */
function checkUse(use: JsonObject, scope: Scope, variables: readonly string[]): void {
  const { report } = scope;
  if (use.secrets !== undefined) {
    for (const [index, name] of listAt(use.secrets, "/use/secrets", "`use.secrets`", report).entries()) {
      textOf(name, `/use/secrets/${index}`, "a secret's name", report);
    }
  }
  const aside: Scope = { ...scope, extended: false, byKey: new Map() };
  checkExtensions(use.extensions, aside);
  const anywhere = within(aside, variables);
  eachEntry(use, "timeouts", report, (value, pointer) => timeoutEntryAt(value, pointer, "taskDefinition", anywhere));
  eachEntry(use, "errors", report, (value, pointer) => errorAt(value, pointer, anywhere));
  eachEntry(use, "retries", report, (value, pointer) => retryAt(value, pointer, anywhere));
  eachEntry(use, "authentications", report, (value, pointer) => policyAt(value, pointer, "taskDefinition", anywhere));
  eachEntry(use, "catalogs", report, (value, pointer) => {
    const { endpoint } = objectOf(value, pointer, CATALOG, report);
    if (endpoint !== undefined) fixedEndpointAt(endpoint, pointerOf(pointer, "endpoint"), "taskInput", anywhere);
  });
  eachEntry(use, "functions", report, (value, pointer, name) => {
    const place = { pointer, key: pointer, reference: pointer, inFunction: true };
    readTask(value, name, place, [], { ...aside, calls: [name] });
  });
}

function eachEntry(
  use: JsonObject,
  section: string,
  report: Report,
  visit: (value: Json, pointer: string, name: string) => unknown,
): void {
  const entries = use[section];
  if (entries === undefined) return;
  const pointer = pointerOf("/use", section);
  for (const [name, value] of Object.entries(anyObjectOf(entries, pointer, `\`use.${section}\``, report) ?? {})) {
    visit(value, pointerOf(pointer, name), name);
  }
}

/** The package is a function, whatever its types say. */
const canonicalJson = canonicalize as unknown as (value: JsonObject) => string;

function digestOf(document: JsonObject): string {
  return createHash("sha256").update(canonicalJson(document)).digest("hex");
}
