import type { EvaluationTime, ExpressionArguments } from "../../expressions/index.ts";
import type { Json } from "../../values/json.ts";
import { renderTemplate } from "../template.ts";
import type { Authentication, CallOutsideTask, Task } from "../workflow.ts";
import { renderGrpcArguments } from "./call-grpc.ts";
import { renderHttpArguments } from "./call-http.ts";
import { renderOpenApiArguments } from "./call-openapi.ts";
import { renderCallService } from "./call-service.ts";

/** Evaluates what a call hands to its executor. @throws {ExpressionError} */
export function renderCall(task: CallOutsideTask, input: Json, args: ExpressionArguments, time: EvaluationTime): Json {
  switch (task.call) {
    case "http":
      return renderHttpArguments(task, input, args, time);
    case "openapi":
      return renderOpenApiArguments(task, input, args, time);
    case "grpc":
      return renderGrpcArguments(task, input, args, time);
    case "a2a":
    case "asyncapi":
    case "mcp":
      return renderCallService(task, input, args, time);
    case "code":
      return task.with === null ? input : renderTemplate(task.with, input, args, time);
  }
}

export function authenticationOf(task: Task): Authentication | null {
  return task.kind === "call" && "authentication" in task ? task.authentication : null;
}

/** How the document that a call refers to is fetched. */
export function resourceAuthenticationOf(task: Task): Authentication | null {
  return task.kind === "call" && "resourceAuthentication" in task ? task.resourceAuthentication : null;
}
