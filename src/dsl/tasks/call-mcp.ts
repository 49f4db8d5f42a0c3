import { type EvaluationTime, type ExpressionArguments, ExpressionError } from "../../expressions/index.ts";
import { fixedDurationMs, parseDuration } from "../../values/durations.ts";
import { isJsonObject, type Json, type JsonObject, ownProperty } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { authenticationAt } from "../authentication.ts";
import { anyObjectOf, kindOf, objectOf, textOf } from "../fields.ts";
import { durationAt } from "../programs.ts";
import type { Scope } from "../scope.ts";
import { renderTemplate } from "../template.ts";
import type { Authentication, Template } from "../workflow.ts";
import { checkEndpoint, memberOf, renderEndpoint } from "./call-http.ts";
import { checkMcpOptions, type McpHttpOptions, type McpStdioOptions, mcpOptionsFrom } from "./mcp-options.ts";
import { checkMethodCall, parametersFrom } from "./parameters.ts";
import { checkProcessInput, processInputFrom, textFrom, textsFrom } from "./process.ts";

/** Each method, and the parameters it cannot do without. */
const METHODS: Readonly<Record<string, readonly string[]>> = {
  "tools/list": [],
  "tools/call": ["name"],
  "prompts/list": [],
  "prompts/get": ["name"],
  "resources/list": [],
  "resources/read": ["uri"],
  "resources/templates/list": [],
};
const CALL = {
  what: "the `with` of an MCP call",
  allowed: ["method", "parameters", "transport", "timeout", "client", "protocolVersion"],
  required: ["method", "transport"],
};
const TRANSPORT = { what: "`transport`", allowed: ["http", "stdio", "options"] };
const HTTP = { what: "`http`", allowed: ["endpoint", "headers"], required: ["endpoint"] };
const STDIO = { what: "`stdio`", allowed: ["command", "arguments", "environment"], required: ["command"] };
const CLIENT = {
  what: "`client`",
  // The released schema calls the version `description`, and requires both names all the same.
  allowed: ["name", "version", "description"],
  required: ["name", "version"],
};
/** The specification's default. */
const PROTOCOL_VERSION = "2025-06-18";

/** What an MCP executor is asked to do; everything evaluated. */
export type McpArguments = {
  readonly method: string;
  readonly parameters: JsonObject;
  readonly transport:
    | {
        readonly http: McpHttpOptions & {
          readonly endpoint: string;
          readonly headers: { readonly [name: string]: string };
        };
      }
    | {
        readonly stdio: McpStdioOptions & {
          readonly command: string;
          readonly arguments: readonly string[];
          readonly environment: { readonly [name: string]: string };
        };
      };
  /** Absent: the executor's own. */
  readonly client?: { readonly name: string; readonly version: string };
  readonly protocolVersion: string;
  /** Absent: the executor's own. */
  readonly timeoutMs?: number;
};

/** How a call proves who calls: as the endpoint of its server says. */
export function mcpAuthenticationAt(given: JsonObject, pointer: string, scope: Scope): Authentication | null {
  const endpoint = ownProperty(ownProperty(given.transport, "http"), "endpoint");
  const at = `${pointer}/transport/http/endpoint/authentication`;
  return authenticationAt(ownProperty(endpoint, "authentication"), at, "taskDefinition", scope);
}

/** `with` is recorded, a policy never. */
export function withoutMcpAuthentication(given: JsonObject): JsonObject {
  const { transport } = given;
  const http = ownProperty(transport, "http");
  const endpoint = ownProperty(http, "endpoint");
  if (!isJsonObject(transport) || !isJsonObject(http) || !isJsonObject(endpoint)) return given;
  const { authentication: _apart, ...place } = endpoint;
  return { ...given, transport: { ...transport, http: { ...http, endpoint: place } } };
}

/** Reports what is wrong with the `with` of an MCP call. */
export function checkCallMcp(given: JsonObject, pointer: string, scope: Scope): void {
  const { report } = scope;
  const value = objectOf(given, pointer, CALL, report);
  const at = (member: string) => pointerOf(pointer, member);
  checkMethodCall(value, pointer, METHODS, scope);
  if (value.transport !== undefined) checkTransport(value.transport, at("transport"), scope);
  if (value.timeout !== undefined) durationAt(value.timeout, at("timeout"), "taskDefinition", scope);
  if (value.protocolVersion !== undefined) {
    textOf(value.protocolVersion, at("protocolVersion"), "`protocolVersion`", report);
  }
  if (value.client === undefined) return;
  for (const [name, member] of Object.entries(objectOf(value.client, at("client"), CLIENT, report))) {
    textOf(member, pointerOf(at("client"), name), `\`${name}\``, report);
  }
}

function checkTransport(value: Json, pointer: string, scope: Scope): void {
  const { report } = scope;
  const { http, stdio, options } = objectOf(value, pointer, TRANSPORT, report);
  if ((http === undefined) === (stdio === undefined)) report.issue(pointer, "`transport` is either `http` or `stdio`");
  if (options !== undefined) {
    checkMcpOptions(options, stdio === undefined ? "http" : "stdio", `${pointer}/options`, scope);
  }
  if (http !== undefined) {
    const { endpoint, headers } = objectOf(http, `${pointer}/http`, HTTP, report);
    if (endpoint !== undefined) checkEndpoint(endpoint, `${pointer}/http/endpoint`, scope);
    if (headers !== undefined) checkTexts(headers, `${pointer}/http/headers`, "`headers`", scope);
  }
  if (stdio === undefined) return;
  const server = objectOf(stdio, `${pointer}/stdio`, STDIO, report);
  if (server.command !== undefined) textOf(server.command, `${pointer}/stdio/command`, "`command`", report);
  checkProcessInput(server, `${pointer}/stdio`, scope);
  if (server.environment !== undefined) {
    checkTexts(server.environment, `${pointer}/stdio/environment`, "`environment`", scope);
  }
  if (isJsonObject(server.arguments)) report.issue(`${pointer}/stdio/arguments`, "`arguments` must be a list");
}

function checkTexts(value: Json, pointer: string, what: string, { report }: Scope): void {
  for (const [name, member] of Object.entries(anyObjectOf(value, pointer, what, report) ?? {})) {
    textOf(member, pointerOf(pointer, name), `"${name}"`, report);
  }
}

/**
 * Evaluates the `with` of an MCP call.
 * @throws {ExpressionError} when an expression fails, or gives what such a call cannot use.
 */
export function renderCallMcp(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): McpArguments {
  const value = renderTemplate(template, input, args, time);
  const { method, parameters, transport, timeout, client, protocolVersion } = isJsonObject(value) ? value : {};
  const http = memberOf(memberOf(template, "transport") ?? { kind: "literal", value: null }, "http");
  const given = isJsonObject(transport) ? transport : {};
  return {
    method: textFrom("method", method),
    parameters: parametersFrom(parameters),
    transport:
      http === undefined
        ? {
            stdio: {
              ...stdioFrom(isJsonObject(given.stdio) ? given.stdio : {}),
              ...mcpOptionsFrom(given.options, "stdio"),
            },
          }
        : {
            http: {
              ...mcpOptionsFrom(given.options, "http"),
              endpoint: renderEndpoint(memberOf(http, "endpoint"), input, args, time),
              headers: textsFrom("headers", isJsonObject(given.http) ? given.http.headers : undefined),
            },
          },
    ...(isJsonObject(client) ? { client: clientFrom(client) } : {}),
    protocolVersion: protocolVersion === undefined ? PROTOCOL_VERSION : textFrom("protocolVersion", protocolVersion),
    ...(timeout === undefined ? {} : { timeoutMs: timeoutFrom(timeout) }),
  };
}

function stdioFrom(given: JsonObject) {
  const { arguments: args, environment } = processInputFrom(given);
  return { command: textFrom("command", given.command), arguments: args, environment };
}

function clientFrom({ name, version, description }: JsonObject) {
  return { name: textFrom("client.name", name), version: textFrom("client.version", version ?? description) };
}

function timeoutFrom(value: Json): number {
  const duration = parseDuration(value);
  const ms = duration === undefined ? undefined : fixedDurationMs(duration);
  if (ms !== undefined) return ms;
  throw new ExpressionError(`\`timeout\` gave ${kindOf(value)}, which is no duration of a known length`);
}
