import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { fixedDurationMs, parseDuration } from "../../values/durations.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf, choiceOf, kindOf, objectOf, textOf } from "../fields.ts";
import { durationAt } from "../programs.ts";
import type { Scope } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { Template } from "../workflow.ts";
import {
  checkProcessInput,
  ProcessArgumentsError,
  type ProcessInput,
  processInputFrom,
  processTemplateAt,
  textFrom,
  warnOfExpressionIn,
} from "./process.ts";

const CONTAINER = {
  what: "`run.container`",
  allowed: [
    "image",
    "name",
    "command",
    "ports",
    "volumes",
    "environment",
    "stdin",
    "arguments",
    "lifetime",
    "pullPolicy",
  ],
  required: ["image"],
};
const LIFETIME = { what: "`lifetime`", allowed: ["cleanup", "after"], required: ["cleanup"] };
const CLEANUPS = ["never", "always", "eventually"] as const;
const PULL_POLICIES = ["ifNotPresent", "always", "never"] as const;
/** `host port: container port`, each with an address, a range or a protocol as container engines write them. */
const PORT = /^[\w.:/[\]-]+$/;

/** What is run: `image` with its own command, or with `command` as a text for its shell. */
export type ContainerProcess = ProcessInput & {
  readonly image: string;
  readonly name?: string;
  readonly command?: string;
  /** As engines write them: `host:container`. */
  readonly ports: readonly string[];
  readonly volumes: readonly string[];
  readonly pull: (typeof PULL_POLICIES)[number];
  readonly cleanup: (typeof CLEANUPS)[number];
  /** With `eventually`: how long after its end the container is removed. */
  readonly removeAfterMs?: number;
};

export function readRunContainer(value: Json | undefined, pointer: string, scope: Scope): Template {
  const { report } = scope;
  const container = objectOf(value, pointer, CONTAINER, report);
  const at = (member: string) => pointerOf(pointer, member);
  for (const member of ["image", "name", "command"]) {
    if (container[member] !== undefined) textOf(container[member], at(member), `\`${member}\``, report);
  }
  warnOfExpressionIn(container.command, at("command"), scope);
  for (const member of ["ports", "volumes"]) {
    if (container[member] !== undefined) anyObjectOf(container[member], at(member), `\`${member}\``, report);
  }
  choiceOf(container.pullPolicy, at("pullPolicy"), "`pullPolicy`", PULL_POLICIES, report);
  if (container.lifetime !== undefined) checkLifetime(container.lifetime, at("lifetime"), scope);
  checkProcessInput(container, pointer, scope);
  return processTemplateAt(container, pointer, scope, "command");
}

function checkLifetime(value: Json, pointer: string, scope: Scope): void {
  const { report } = scope;
  const { cleanup, after } = objectOf(value, pointer, LIFETIME, report);
  const policy = choiceOf(cleanup, `${pointer}/cleanup`, "`cleanup`", CLEANUPS, report);
  if (after !== undefined) {
    const source = durationAt(after, `${pointer}/after`, "taskDefinition", scope);
    if (source.kind === "fixed" && fixedDurationMs(source.duration) === undefined) {
      report.issue(`${pointer}/after`, "the lifetime of a container must be of a known length: no years, no months");
    }
  }
  if (policy === "eventually" && after === undefined) report.issue(pointer, '`lifetime` needs "after" with eventually');
  if (policy !== "eventually" && after !== undefined) {
    report.issue(`${pointer}/after`, '"after" has a meaning only with `cleanup: eventually`');
  }
}

export function renderContainer(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): ContainerProcess {
  const value = renderTemplate(template, input, args, time);
  const given = isJsonObject(value) ? value : {};
  const { image, name, command, lifetime, pullPolicy } = given;
  return {
    image: imageFrom(image),
    ...(name === undefined || name === null ? {} : { name: nameFrom(name) }),
    ...(command === undefined ? {} : { command: textFrom("command", command) }),
    ports: mappingsFrom("ports", given.ports, PORT),
    volumes: mappingsFrom("volumes", given.volumes, /^[^:,\0]+$/),
    pull: PULL_POLICIES.find((policy) => policy === pullPolicy) ?? "ifNotPresent",
    ...lifetimeFrom(isJsonObject(lifetime) ? lifetime : {}),
    ...processInputFrom(given),
  };
}

/** An image or a name that began with "-" would be an option of the engine. */
function imageFrom(value: Json | undefined): string {
  const image = textFrom("image", value);
  if (/^[\w[][\w.:/@[\]-]*$/.test(image)) return image;
  throw new ProcessArgumentsError(`\`image\` gave ${kindOf(value)}, which is no name of an image`);
}

function nameFrom(value: Json): string {
  const name = textFrom("name", value);
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return name;
  throw new ProcessArgumentsError(
    `\`name\` gave ${kindOf(value)}, which is no name of a container: letters, digits, "_", "." and "-"`,
  );
}

function mappingsFrom(what: string, value: Json | undefined, form: RegExp): readonly string[] {
  return Object.entries(isJsonObject(value) ? value : {}).map(([outside, inside]) => {
    const mapped = typeof inside === "number" ? String(inside) : inside;
    if (typeof mapped === "string" && form.test(mapped) && form.test(outside)) return `${outside}:${mapped}`;
    throw new ProcessArgumentsError(`\`${what}\` maps ${JSON.stringify(outside)} to ${kindOf(inside)}`);
  });
}

function lifetimeFrom({ cleanup, after }: JsonObject): Pick<ContainerProcess, "cleanup" | "removeAfterMs"> {
  const policy = CLEANUPS.find((each) => each === cleanup) ?? "never";
  if (after === undefined) return { cleanup: policy };
  const duration = parseDuration(after);
  const removeAfterMs = duration === undefined ? undefined : fixedDurationMs(duration);
  if (removeAfterMs !== undefined) return { cleanup: policy, removeAfterMs };
  throw new ProcessArgumentsError(`\`lifetime.after\` gave ${kindOf(after)}, which is no duration of a known length`);
}
