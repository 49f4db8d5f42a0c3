import { fromJSON, type MethodDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import type { JsonObject } from "../../values/json.ts";
import { ProblemError } from "../http/problem-error.ts";
import { misfitOf } from "./misfit.ts";

/** A method of a service, as it is called. */
export type GrpcMethod = Pick<
  MethodDefinition<object, object>,
  "path" | "requestStream" | "responseStream" | "requestSerialize" | "responseDeserialize"
>;

/** Numbers of 64 bits and enums are texts, bytes base64; what is not set has its default. Names are the proto's own. */
const FORM = { keepCase: true, longs: String, enums: String, bytes: String, defaults: true, arrays: true, json: true };

/** Why a text is no proto file that can be used; undefined when it is one. */
export function protoProblem(content: string): string | undefined {
  try {
    rootOf(content);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** @throws {ProblemError} configuration 400 when there is no such method, validation 400 for messages that are none of its type. */
export function methodOf(
  content: string,
  serviceName: string,
  methodName: string,
  messages: readonly JsonObject[],
): GrpcMethod {
  const root = rootOf(content);
  const services = servicesIn(root);
  const service =
    services.find(({ fullName }) => fullName.replace(/^\./, "") === serviceName) ??
    services.find(({ name }) => name === serviceName);
  if (service === undefined) {
    const known = services.map(({ fullName }) => fullName.replace(/^\./, "")).join(", ");
    throw misconfigured(`the proto has no service "${serviceName}"; it has ${known || "none"}`);
  }
  const method = service.methods[methodName];
  if (method === undefined) {
    const known = Object.keys(service.methods).join(", ");
    throw misconfigured(`service "${serviceName}" has no method "${methodName}"; it has ${known || "none"}`);
  }
  const fields = method.resolvedRequestType?.fields ?? {};
  const unknown = messages.flatMap(Object.keys).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) {
    throw new ProblemError("validation", `call grpc: ${methodName} has no argument ${JSON.stringify(unknown)}`);
  }
  const { resolvedRequestType: type } = method;
  const wrong =
    type === null ? undefined : messages.map((message) => misfitOf(type, message)).find((each) => each !== undefined);
  if (wrong !== undefined) {
    throw new ProblemError(
      "validation",
      `call grpc: ${methodName}: ${wrong.pointer || "its argument"}: ${wrong.message}`,
    );
  }
  const definitions = fromJSON(root.toJSON({ keepComments: false }), FORM)[service.fullName.replace(/^\./, "")];
  const found: unknown = definitions === undefined ? undefined : Reflect.get(definitions, methodName);
  if (typeof found !== "object" || found === null) throw misconfigured(`method "${methodName}" cannot be called`);
  return found as GrpcMethod;
}

export function misconfigured(detail: string): ProblemError {
  return new ProblemError("configuration", `call grpc: ${detail}`);
}

/** @throws {Error} for what is no proto file, or needs other files than those that come with the language. */
function rootOf(content: string): protobuf.Root {
  const { root, imports = [], weakImports = [] } = protobuf.parse(content, new protobuf.Root(), { keepCase: true });
  for (const file of [...imports, ...weakImports]) {
    const common = protobuf.common.get(file);
    if (common?.nested === undefined) throw new Error(`it imports ${file}: a proto is one file`);
    root.addJSON(common.nested);
  }
  root.resolveAll();
  return root;
}

function servicesIn(root: protobuf.NamespaceBase): readonly protobuf.Service[] {
  return root.nestedArray.flatMap((each) =>
    each instanceof protobuf.Service ? [each] : each instanceof protobuf.Namespace ? servicesIn(each) : [],
  );
}
