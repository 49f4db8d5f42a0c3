import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import { authenticationAt } from "../authentication.ts";
import { objectOf, textOf } from "../fields.ts";
import type { Scope } from "../scope.ts";
import type { Authentication, Template } from "../workflow.ts";
import { checkEndpoint, memberOf, renderEndpoint } from "./call-http.ts";

const RESOURCE = { what: "an external resource", allowed: ["endpoint", "name"], required: ["endpoint"] };

/** Reports what is wrong with an external resource. */
export function checkResource(value: Json, pointer: string, scope: Scope): void {
  const { endpoint, name } = objectOf(value, pointer, RESOURCE, scope.report);
  if (endpoint !== undefined) checkEndpoint(endpoint, `${pointer}/endpoint`, scope);
  if (name !== undefined) textOf(name, `${pointer}/name`, "`name`", scope.report);
}

/**
 * The resource that stands as `member` in `template`, with the URL of its endpoint.
 * @throws {ExpressionError} when that is none.
 */
export function resourceFrom(
  template: Template,
  member: string,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): { readonly endpoint: string } {
  const resource = memberOf(template, member);
  const endpoint = resource === undefined ? undefined : memberOf(resource, "endpoint");
  return { endpoint: renderEndpoint(endpoint, input, args, time) };
}

/** An endpoint, and who calls there: a policy stands apart from what is evaluated, and recorded. */
export function endpointApart(
  endpoint: Json,
  pointer: string,
  scope: Scope,
): { readonly endpoint: Json; readonly authentication: Authentication | null } {
  if (!isJsonObject(endpoint)) return { endpoint, authentication: null };
  const { authentication: policy, ...place } = endpoint;
  const authentication = authenticationAt(policy, `${pointer}/authentication`, "taskDefinition", scope);
  return { endpoint: place, authentication };
}

/** The same of an external resource. */
export function resourceApart(
  resource: Json,
  pointer: string,
  scope: Scope,
): { readonly resource: Json; readonly authentication: Authentication | null } {
  if (!isJsonObject(resource) || resource.endpoint === undefined) return { resource, authentication: null };
  const { endpoint, authentication } = endpointApart(resource.endpoint, `${pointer}/endpoint`, scope);
  return { resource: { ...resource, endpoint }, authentication };
}
