import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf, booleanOf, choiceOf, objectOf, textOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import type { RunWorkflowTask, TaskBase } from "../workflow.ts";

export const RUN_MEMBERS = ["run"];
const PROCESSES = ["container", "script", "shell", "workflow"] as const;
const RUN = { what: "`run`", allowed: [...PROCESSES, "await", "return"] };
/** All but `none` are about the streams of a process: of a workflow they give its output. */
const RETURNS = ["stdout", "stderr", "code", "all", "none"] as const;
const WORKFLOW = {
  what: "`run.workflow`",
  allowed: ["namespace", "name", "version", "input"],
  required: ["namespace", "name"],
};

/** `run`: of the processes the specification names, another workflow. */
export function readRun(
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
): RunWorkflowTask | undefined {
  const pointer = pointerOf(place.pointer, "run");
  const run = objectOf(definition.run, pointer, RUN, scope.report);
  const [process, ...others] = PROCESSES.filter((name) => Object.hasOwn(run, name));
  if (process === undefined) scope.report.issue(pointer, `\`run\` needs one of ${PROCESSES.join(", ")}`);
  else if (others.length > 0) scope.report.issue(pointer, `\`run\` starts one process, not ${others.length + 1}`);
  else if (process !== "workflow") scope.report.unsupported(pointerOf(pointer, process), `run ${process}`);
  if (process !== "workflow" || others.length > 0) return undefined;
  const returned = choiceOf(run.return, pointerOf(pointer, "return"), "`return`", RETURNS, scope.report);
  const awaits = run.await === undefined || booleanOf(run.await, pointerOf(pointer, "await"), "`await`", scope.report);
  return {
    ...base,
    kind: "run",
    run: "workflow",
    discards: returned === "none",
    ...childOf(run.workflow, `${pointer}/workflow`, scope),
    await: awaits,
  };
}

function childOf(value: Json | undefined, pointer: string, scope: Scope): Pick<RunWorkflowTask, "workflow" | "with"> {
  const { namespace, name, version, input } = objectOf(value, pointer, WORKFLOW, scope.report);
  const text = (member: Json | undefined, key: string) =>
    member === undefined ? "" : textOf(member, pointerOf(pointer, key), `\`${key}\``, scope.report);
  const at = pointerOf(pointer, "input");
  const given = input === undefined ? undefined : anyObjectOf(input, at, "`input`", scope.report);
  const wanted = version === undefined ? "latest" : text(version, "version");
  return {
    workflow: {
      namespace: text(namespace, "namespace"),
      name: text(name, "name"),
      ...(wanted === "latest" ? {} : { version: wanted }),
    },
    with: given === undefined ? null : templateAt(given, at, "taskDefinition", scope),
  };
}
