import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { objectOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { CallServiceTask, Template } from "../workflow.ts";
import { checkEndpoint, memberOf, renderEndpoint } from "./call-http.ts";
import { checkMethodCall, parametersFrom } from "./parameters.ts";
import { textFrom } from "./process.ts";
import { checkResource, endpointApart, resourceApart, resourceFrom } from "./resource.ts";

/** Each method, and the parameters it cannot do without. */
const METHODS = {
  "message/send": ["message"],
  "message/stream": ["message"],
  "tasks/get": ["id"],
  "tasks/list": [],
  "tasks/cancel": ["id"],
  "tasks/resubscribe": ["id"],
  "tasks/pushNotificationConfig/set": ["taskId", "pushNotificationConfig"],
  "tasks/pushNotificationConfig/get": ["id"],
  "tasks/pushNotificationConfig/list": ["id"],
  "tasks/pushNotificationConfig/delete": ["id", "pushNotificationConfigId"],
  "agent/getAuthenticatedExtendedCard": [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type A2aMethod = keyof typeof METHODS;

const CALL = {
  what: "the `with` of an A2A call",
  allowed: ["method", "agentCard", "server", "parameters"],
  required: ["method"],
};

/** What an A2A executor is asked to do; everything evaluated. */
export type A2aArguments = {
  readonly method: A2aMethod;
  readonly parameters: JsonObject;
  /** The URL of the agent's card. */
  readonly agentCard?: { readonly endpoint: string };
  /** Where the agent listens, whatever its card says. */
  readonly server?: string;
};

/**
 * Reads the `with` of an A2A call. Who calls the agent is said at `server`, or with the card where that alone is given; the card's own
 * says who asks for the card.
 */
export function readCallA2a(
  given: JsonObject,
  { pointer }: TaskPlace,
  scope: Scope,
): Pick<CallServiceTask, "with" | "authentication" | "resourceAuthentication" | "consumes"> {
  checkCallA2a(given, pointer, scope);
  const { agentCard, server, ...rest } = given;
  const card = agentCard === undefined ? null : resourceApart(agentCard, `${pointer}/agentCard`, scope);
  const agent = server === undefined ? null : endpointApart(server, `${pointer}/server`, scope);
  const apart = {
    ...rest,
    ...(card === null ? {} : { agentCard: card.resource }),
    ...(agent === null ? {} : { server: agent.endpoint }),
  };
  return {
    with: templateAt(apart, pointer, "taskDefinition", scope, true),
    authentication: (agent ?? card)?.authentication ?? null,
    resourceAuthentication: card?.authentication ?? null,
    consumes: null,
  };
}

function checkCallA2a(given: JsonObject, pointer: string, scope: Scope): void {
  const { report } = scope;
  const value = objectOf(given, pointer, CALL, report);
  const at = (member: string) => pointerOf(pointer, member);
  if (value.agentCard === undefined && value.server === undefined) {
    report.issue(pointer, 'the `with` of an A2A call needs "agentCard" or "server"');
  }
  if (value.agentCard !== undefined) checkResource(value.agentCard, at("agentCard"), scope);
  if (value.server !== undefined) checkEndpoint(value.server, at("server"), scope);
  checkMethodCall(value, pointer, METHODS, scope);
  if (isJsonObject(value.parameters) && Object.keys(value.parameters).length === 0) {
    report.issue(at("parameters"), "`parameters` must have a member, or be left out");
  }
}

/**
 * Evaluates the `with` of an A2A call.
 * @throws {ExpressionError} when an expression fails, or gives what such a call cannot use.
 */
export function renderCallA2a(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): A2aArguments {
  const value = renderTemplate(template, input, args, time);
  const { method, parameters, agentCard, server } = isJsonObject(value) ? value : {};
  return {
    method: textFrom("method", method) as A2aMethod,
    parameters: parametersFrom(parameters),
    ...(agentCard === undefined ? {} : { agentCard: resourceFrom(template, "agentCard", input, args, time) }),
    ...(server === undefined ? {} : { server: renderEndpoint(memberOf(template, "server"), input, args, time) }),
  };
}
