import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Json, JsonObject } from "../../values/json.ts";
import { anyObjectOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import type { CallServiceTask, TaskBase, Template } from "../workflow.ts";
import { readCallA2a, renderCallA2a } from "./call-a2a.ts";
import { readCallAsyncapi, renderCallAsyncapi } from "./call-asyncapi.ts";
import { isLate } from "./call-http.ts";
import { checkCallMcp, mcpAuthenticationAt, renderCallMcp, withoutMcpAuthentication } from "./call-mcp.ts";

type Service = CallServiceTask["call"];
type Read = (given: JsonObject, place: TaskPlace, scope: Scope) => ServiceParts;
/** What is read of a `with`. */
type ServiceParts = Pick<CallServiceTask, "with" | "authentication" | "resourceAuthentication" | "consumes">;
type Render = (template: Template, input: Json, args: ExpressionArguments, time: EvaluationTime) => JsonObject;

const SERVICES: Readonly<Record<Service, { readonly read: Read; readonly render: Render }>> = {
  a2a: { read: readCallA2a, render: renderCallA2a },
  asyncapi: { read: readCallAsyncapi, render: renderCallAsyncapi },
  mcp: {
    read(given, { pointer }, scope) {
      checkCallMcp(given, pointer, scope);
      return {
        with: templateAt(withoutMcpAuthentication(given), pointer, "taskDefinition", scope, true),
        authentication: mcpAuthenticationAt(given, pointer, scope),
        resourceAuthentication: null,
        consumes: null,
      };
    },
    render: renderCallMcp,
  },
};

export function isService(name: string): name is Service {
  return Object.hasOwn(SERVICES, name);
}

/** A call of a service by a protocol of its own. */
export function readCallService(
  call: Service,
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
): CallServiceTask {
  const inside = placeIn(place, "with");
  const given = anyObjectOf(definition.with, inside.pointer, "`with`", scope.report) ?? {};
  const parts = SERVICES[call].read(given, inside, scope);
  return { ...base, kind: "call", call, ...parts, isLate: isLate(parts.with, parts.authentication) };
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
