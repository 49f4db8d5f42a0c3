import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { readsOf } from "../template.ts";
import type { CallServiceTask, TaskBase, Template } from "../workflow.ts";
import { checkCallA2a, renderCallA2a } from "./call-a2a.ts";
import { checkCallMcp, renderCallMcp } from "./call-mcp.ts";

type Service = CallServiceTask["call"];
type Check = (given: JsonObject, pointer: string, scope: Scope) => void;
type Render = (template: Template, input: Json, args: ExpressionArguments, time: EvaluationTime) => JsonObject;

const SERVICES: Readonly<Record<Service, { readonly check: Check; readonly render: Render }>> = {
  a2a: { check: checkCallA2a, render: renderCallA2a },
  mcp: { check: checkCallMcp, render: renderCallMcp },
};

export function isService(name: string): name is Service {
  return Object.hasOwn(SERVICES, name);
}

/** A call of a service by a protocol of its own: its `with` is checked, and evaluated as a whole. */
export function readCallService(
  call: Service,
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
): CallServiceTask {
  const pointer = pointerOf(place.pointer, "with");
  const given = anyObjectOf(definition.with, pointer, "`with`", scope.report) ?? {};
  if (definition.with !== undefined) SERVICES[call].check(given, pointer, scope);
  const template = templateAt(given, pointer, "taskDefinition", scope, true);
  return { ...base, kind: "call", call, with: template, readsSecrets: readsOf(template).includes("secrets") };
}

/** What an executor is asked. @throws {ExpressionError} when an expression fails, or gives what such a call cannot use. */
export function renderCallService(
  task: CallServiceTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): JsonObject {
  return SERVICES[task.call].render(task.with, input, args, time);
}
