import { type EvaluationTime, type ExpressionArguments, ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { authenticationAt } from "../authentication.ts";
import { anyObjectOf, kindOf, objectOf, textOf } from "../fields.ts";
import { isExpression, templateAt } from "../programs.ts";
import type { Report } from "../report.ts";
import { lateResourceAt } from "../resource.ts";
import type { Scope, TaskPlace } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { CallGrpcTask, TaskBase } from "../workflow.ts";
import { isLate } from "./call-http.ts";

const ARGUMENTS = {
  what: "the `with` of a gRPC call",
  allowed: ["proto", "service", "method", "arguments"],
  required: ["proto", "service", "method"],
};
const SERVICE = {
  what: "`service`",
  allowed: ["name", "host", "port", "authentication"],
  required: ["name", "host"],
};
const HOST = /^[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?$/;

/** What a gRPC executor is asked to do; everything evaluated. */
export type GrpcArguments = {
  /** URI of the proto file. */
  readonly proto: string;
  /** With its package. */
  readonly service: string;
  readonly host: string;
  /** Absent: 443. */
  readonly port?: number;
  readonly method: string;
  /** The message, or the messages of a stream, in order. Absent: an empty message, or none at all. */
  readonly arguments?: JsonObject | readonly JsonObject[];
};

export function readCallGrpc(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): CallGrpcTask {
  const pointer = pointerOf(place.pointer, "with");
  const { report } = scope;
  const value = objectOf(definition.with ?? null, pointer, ARGUMENTS, report);
  if (value.method !== undefined) textOf(value.method, `${pointer}/method`, "`method`", report);
  if (value.arguments !== undefined) checkArguments(value.arguments, `${pointer}/arguments`, scope);
  const given = value.service === undefined ? {} : objectOf(value.service, `${pointer}/service`, SERVICE, report);
  checkService(given, `${pointer}/service`, report);
  const proto = lateResourceAt(value.proto, `${pointer}/proto`, scope);
  const { authentication: policy, ...service } = given;
  const at = `${pointer}/service/authentication`;
  const authentication = authenticationAt(policy, at, "taskDefinition", scope);
  if (authentication?.scheme === "Digest") {
    report.issue(at, "gRPC knows no digest: use basic, bearer, oauth2 or oidc");
  }
  const template = templateAt({ ...value, service, proto: proto.uri }, pointer, "taskDefinition", scope, true);
  const late = isLate(template, authentication);
  const policies = { authentication, resourceAuthentication: proto.authentication };
  return { ...base, kind: "call", call: "grpc", with: template, isLate: late, ...policies };
}

/** The specification knows one object; a stream of messages is a list of them, or an expression that gives it. */
function checkArguments(value: Json, pointer: string, scope: Scope): void {
  if (typeof value === "string" && isExpression(value, "taskDefinition", scope)) return;
  const messages = Array.isArray(value) ? [...value.entries()] : undefined;
  if (messages === undefined) anyObjectOf(value, pointer, "`arguments`", scope.report);
  for (const [index, message] of messages ?? []) {
    if (typeof message === "string" && isExpression(message, "taskDefinition", scope)) continue;
    anyObjectOf(message, pointerOf(pointer, index), "a message", scope.report);
  }
}

function checkService({ name, host, port }: JsonObject, at: string, report: Report): void {
  if (name !== undefined) textOf(name, `${at}/name`, "`name`", report);
  if (host !== undefined && (typeof host !== "string" || !HOST.test(host))) {
    report.issue(`${at}/host`, `\`host\` must be the name or IPv4 address of a host, not ${kindOf(host)}`);
  }
  if (port !== undefined && (typeof port !== "number" || !Number.isInteger(port) || port < 0 || port > 65_535)) {
    report.issue(`${at}/port`, `\`port\` must be a whole number from 0 to 65535, not ${kindOf(port)}`);
  }
}

/** Evaluates the `with` of a gRPC call. @throws {ExpressionError} also for what no such call can use. */
export function renderGrpcArguments(
  task: CallGrpcTask,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): GrpcArguments {
  const value = renderTemplate(task.with, input, args, time);
  const member = (key: string) => ownProperty(value, key);
  const service = member("service");
  const port = ownProperty(service, "port");
  const given = member("arguments");
  return {
    proto: textFrom(member("proto"), "`proto`"),
    service: textFrom(ownProperty(service, "name"), "`service.name`"),
    host: textFrom(ownProperty(service, "host"), "`service.host`"),
    ...(typeof port === "number" ? { port } : {}),
    method: textFrom(member("method"), "`method`"),
    ...(given === undefined ? {} : { arguments: messagesFrom(given) }),
  };
}

function messagesFrom(value: Json): JsonObject | readonly JsonObject[] {
  if (isJsonObject(value)) return value;
  if (!Array.isArray(value)) throw new ExpressionError(`\`arguments\` gave ${kindOf(value)}, not an object or a list`);
  return value.map((message: Json, index) => {
    if (isJsonObject(message)) return message;
    throw new ExpressionError(`item ${index} of \`arguments\` gave ${kindOf(message)}, not an object`);
  });
}

function textFrom(value: Json | undefined, what: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new ExpressionError(`${what} gave ${kindOf(value)} instead of a text`);
}
