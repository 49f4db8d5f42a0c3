import { type EvaluationTime, type ExpressionArguments, ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { authenticationAt } from "../authentication.ts";
import { anyObjectOf, booleanOf, choiceOf, kindOf, objectOf, textOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import { lateResourceAt } from "../resource.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { CallOpenApiTask, TaskBase } from "../workflow.ts";
import { isLate } from "./call-http.ts";

const OUTPUTS = ["content", "response", "raw"] as const;
const ARGUMENTS = {
  what: "the `with` of an OpenAPI call",
  allowed: ["document", "operationId", "parameters", "authentication", "output", "redirect"],
  required: ["document", "operationId"],
};

/** What an OpenAPI executor is asked to do; everything evaluated. */
export type OpenApiArguments = {
  /** URI of the description. */
  readonly document: string;
  readonly operationId: string;
  readonly parameters: JsonObject;
  readonly output: "content" | "response" | "raw";
  readonly redirect: boolean;
};

export function readCallOpenApi(
  base: TaskBase,
  definition: JsonObject,
  place: TaskPlace,
  scope: Scope,
): CallOpenApiTask {
  const pointer = pointerOf(place.pointer, "with");
  const { report } = scope;
  const value = objectOf(definition.with ?? null, pointer, ARGUMENTS, report);
  if (value.operationId !== undefined) textOf(value.operationId, `${pointer}/operationId`, "`operationId`", report);
  if (value.parameters !== undefined) anyObjectOf(value.parameters, `${pointer}/parameters`, "`parameters`", report);
  choiceOf(value.output, `${pointer}/output`, "`output`", OUTPUTS, report);
  booleanOf(value.redirect, `${pointer}/redirect`, "`redirect`", report);
  const document = lateResourceAt(value.document, `${pointer}/document`, scope);
  const { authentication: given, document: _apart, ...rest } = value;
  const authentication = authenticationAt(given, `${pointer}/authentication`, "taskDefinition", scope);
  const template = templateAt({ ...rest, document: document.uri }, pointer, "taskDefinition", scope, true);
  const late = isLate(template, authentication);
  const policies = { authentication, resourceAuthentication: document.authentication };
  return { ...base, kind: "call", call: "openapi", with: template, isLate: late, ...policies };
}

/** Evaluates the `with` of an OpenAPI call. @throws {ExpressionError} also for what no such call can use. */
export function renderOpenApiArguments(
  task: CallOpenApiTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): OpenApiArguments {
  const value = renderTemplate(task.with, input, args, time);
  const member = (key: string) => ownProperty(value, key);
  const parameters = member("parameters") ?? {};
  if (!isJsonObject(parameters)) throw new ExpressionError(`\`parameters\` gave ${kindOf(parameters)}, not an object`);
  return {
    document: textFrom(member("document"), "`document`"),
    operationId: textFrom(member("operationId"), "`operationId`"),
    parameters,
    output: OUTPUTS.find((output) => output === member("output")) ?? "content",
    redirect: member("redirect") === true,
  };
}

function textFrom(value: Json | undefined, what: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new ExpressionError(`${what} gave ${kindOf(value)} instead of a text`);
}
