import { type Json, ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { authenticationAt } from "./authentication.ts";
import { kindOf, objectOf } from "./fields.ts";
import { isExpression } from "./programs.ts";
import type { Scope } from "./scope.ts";
import type { Place } from "./scopes.ts";
import { expressionOf } from "./template.ts";
import type { Authentication, Resource, Schema } from "./workflow.ts";

export const RESOURCE = { what: "an external resource", allowed: ["name", "endpoint"], required: ["endpoint"] };
const ENDPOINT = { what: "an endpoint", allowed: ["uri", "authentication"], required: ["uri"] };
const FETCHABLE = /^(https?|file):\/\/[^\s{}]+$/i;

/**
 * An external resource that the engine needs, so that its place is part of the definition; null (reported) when it is unusable. Its
 * authentication may read what an `input.from` may.
 */
export function fixedResourceAt(
  value: Json,
  pointer: string,
  kind: Resource["kind"],
  place: Place,
  scope: Scope,
): Resource | null {
  const resource = objectOf(value, pointer, RESOURCE, scope.report);
  const at = pointerOf(pointer, "endpoint");
  if (resource.endpoint === undefined) return null;
  const endpoint = fixedEndpointAt(resource.endpoint, at, place, scope);
  return endpoint === null ? null : { kind, ...endpoint };
}

/** An endpoint whose URI is known now; null (reported) when it is unusable. */
export function fixedEndpointAt(
  value: Json,
  pointer: string,
  place: Place,
  scope: Scope,
): Pick<Resource, "uri" | "authentication"> | null {
  const isText = typeof value === "string";
  const given = isText ? {} : objectOf(value, pointer, ENDPOINT, scope.report);
  const uri = isText ? value : ownProperty(given, "uri");
  const at = isText ? pointer : pointerOf(pointer, "uri");
  const authentication = authenticationAt(
    ownProperty(given, "authentication"),
    pointerOf(pointer, "authentication"),
    place,
    scope,
  );
  if (uri === undefined) return null;
  if (typeof uri === "string" && expressionOf(uri) === undefined && FETCHABLE.test(uri)) return { uri, authentication };
  scope.report.issue(at, `must be a fixed URI that begins with http://, https:// or file://, not ${kindOf(uri)}`);
  return null;
}

/**
 * An external resource that an executor fetches: its URI may be an expression, and is evaluated with the rest of the call.
 * @returns the URI as written ("" when, reported, there is none).
 */
export function lateResourceAt(
  value: Json | undefined,
  pointer: string,
  scope: Scope,
): { readonly uri: string; readonly authentication: Authentication | null } {
  const { endpoint } = value === undefined ? {} : objectOf(value, pointer, RESOURCE, scope.report);
  if (endpoint === undefined) return { uri: "", authentication: null };
  const at = pointerOf(pointer, "endpoint");
  const isText = typeof endpoint === "string";
  const given = isText ? {} : objectOf(endpoint, at, ENDPOINT, scope.report);
  const uri = isText ? endpoint : ownProperty(given, "uri");
  const policy = ownProperty(given, "authentication");
  const authentication = authenticationAt(policy, pointerOf(at, "authentication"), "taskDefinition", scope);
  if (typeof uri === "string" && (FETCHABLE.test(uri) || isExpression(uri, "taskDefinition", scope))) {
    return { uri, authentication };
  }
  if (uri !== undefined) {
    const form = "must be a URI that begins with http://, https:// or file://, or an expression that gives one";
    scope.report.issue(isText ? at : pointerOf(at, "uri"), `${form}, not ${kindOf(uri)}`);
  }
  return { uri: "", authentication };
}

/** What some schemas still wait for. */
export function missingFrom(schemas: readonly (Schema | null)[]): readonly Resource[] {
  return schemas.flatMap((schema) => (schema?.missing === undefined ? [] : [schema.missing]));
}
