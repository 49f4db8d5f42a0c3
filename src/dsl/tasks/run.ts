import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { booleanOf, choiceOf, objectOf } from "../fields.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { readsOf } from "../template.ts";
import type { ProcessReturn, RunProcessTask, RunTask, TaskBase, Template } from "../workflow.ts";
import { readRunContainer, renderContainer } from "./run-container.ts";
import { readRunScript, renderScript } from "./run-script.ts";
import { readRunShell, renderShell } from "./run-shell.ts";
import { readRunWorkflow } from "./run-workflow.ts";

export const RUN_MEMBERS = ["run"];
const PROCESSES = ["container", "script", "shell", "workflow"] as const;
const RUN = { what: "`run`", allowed: [...PROCESSES, "await", "return"] };
/** All but `none` are about the streams of a process: of a workflow they give its output. */
const RETURNS = ["stdout", "stderr", "code", "all", "none"] as const satisfies readonly ProcessReturn[];

const READERS: Readonly<
  Record<RunProcessTask["run"], (value: Json | undefined, pointer: string, scope: Scope) => Template>
> = { container: readRunContainer, script: readRunScript, shell: readRunShell };
type Render = (template: Template, input: Json, args: ExpressionArguments, time: EvaluationTime) => JsonObject;
const RENDERERS: Readonly<Record<RunProcessTask["run"], Render>> = {
  container: renderContainer,
  script: renderScript,
  shell: renderShell,
};

/** `run`: another workflow, or a process of the machine. */
export function readRun(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): RunTask | undefined {
  const pointer = pointerOf(place.pointer, "run");
  const run = objectOf(definition.run, pointer, RUN, scope.report);
  const [process, ...others] = PROCESSES.filter((name) => Object.hasOwn(run, name));
  if (process === undefined) scope.report.issue(pointer, `\`run\` needs one of ${PROCESSES.join(", ")}`);
  else if (others.length > 0) scope.report.issue(pointer, `\`run\` starts one process, not ${others.length + 1}`);
  if (process === undefined || others.length > 0) return undefined;
  const returned = choiceOf(run.return, pointerOf(pointer, "return"), "`return`", RETURNS, scope.report);
  const awaits = run.await === undefined || booleanOf(run.await, pointerOf(pointer, "await"), "`await`", scope.report);
  const at = pointerOf(pointer, process);
  if (process === "workflow") {
    const child = readRunWorkflow(run.workflow, at, scope);
    return { ...base, kind: "run", run: process, discards: returned === "none", ...child, await: awaits };
  }
  const template = READERS[process](run[process], at, scope);
  return {
    ...base,
    kind: "run",
    run: process,
    with: template,
    return: returned,
    await: awaits,
    readsSecrets: readsOf(template).includes("secrets"),
  };
}

/**
 * What an executor is asked to run: the evaluated description of the process, with `return` and `await`.
 * @throws {ExpressionError} when an expression fails, or gives what cannot be handed to a process.
 */
export function renderProcess(
  task: RunProcessTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): JsonObject {
  return { ...RENDERERS[task.run](task.with, input, args, time), return: task.return, await: task.await };
}
