import swagger from "@fastify/swagger";
import { jsonSchemaTransform, jsonSchemaTransformObject } from "fastify-type-provider-zod";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import type { HttpApp } from "../http-app.ts";
import { problemExamples } from "../problem-examples.ts";
import { PROBLEMS } from "../problems.ts";

const PROBLEM = "#/components/schemas/Problem";
const tenantHeader = {
  name: "X-Tenant-ID",
  in: "header",
  required: false,
  description: "The tenant; made on first use",
  schema: { type: "string", pattern: "^[a-z0-9-]{1,63}$", default: "default" },
} as const;
const idempotencyHeader = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "For 24 hours, repeating a POST with its key and body does nothing twice and gives the same result; another body is refused (422)",
  schema: { type: "string", minLength: 1, maxLength: 255 },
} as const;

const lastEventHeader = {
  name: "Last-Event-ID",
  in: "header",
  required: false,
  description: "`id` of the last event that was taken: goes on after it",
};
const traceHeader = {
  name: "traceparent",
  in: "header",
  required: false,
  description: "W3C Trace Context: what the execution does belongs to this trace. `tracestate` goes along",
  schema: { type: "string" },
} as const;

/** Collects the routes registered after it; `/openapi.json`, and what is given back, describe them. */
export async function openApi(app: HttpApp, version: string): Promise<() => JsonObject> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Durabull",
        version,
        description: "Durable execution of CNCF Serverless Workflow definitions on BullMQ.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  let described: JsonObject | undefined;
  const describe = () => {
    described ??= polished(JSON.parse(JSON.stringify(app.swagger())));
    return described;
  };
  app.get("/openapi.json", { schema: { hide: true } }, async () => describe());
  return describe;
}

/** What the schemas of single routes cannot say: headers all share, and the media type of problems. */
function polished(document: JsonObject): JsonObject {
  const paths = mapObject(document.paths, (path, operations) =>
    mapObject(operations, (method, operation) => polishedOperation(path, method, operation)),
  );
  const components = isJsonObject(document.components) ? document.components : {};
  // Those named …Input are what a request of that type would be; no request is.
  const schemas = Object.entries(isJsonObject(components.schemas) ? components.schemas : {});
  const used = Object.fromEntries(schemas.filter(([name]) => !name.endsWith("Input")));
  return { ...document, paths, components: { ...components, schemas: used } };
}

function polishedOperation(path: string, method: string, operation: Json): Json {
  if (!isJsonObject(operation)) return operation;
  const parameters = [
    ...(Array.isArray(operation.parameters) ? operation.parameters : []),
    ...(path.startsWith("/api/") ? [tenantHeader] : []),
    ...(path.startsWith("/api/") && method === "post" ? [idempotencyHeader] : []),
    ...(path.startsWith("/api/") && path.endsWith("/stream") ? [lastEventHeader] : []),
    ...(path === "/api/v1/executions" && method === "post" ? [traceHeader] : []),
  ];
  const responses = mapObject(operation.responses, (status, response) =>
    polishedResponse(path, method, status, response),
  );
  return { ...operation, ...(parameters.length === 0 ? {} : { parameters }), responses };
}

function polishedResponse(path: string, method: string, status: string, response: Json): Json {
  if (!isJsonObject(response)) return response;
  if (status === "204") return { description: "Done" };
  const content = isJsonObject(response.content) ? response.content : {};
  const json = content["application/json"] ?? Object.values(content)[0];
  const isProblem = JSON.stringify(json ?? {}).includes(PROBLEM);
  if (!isProblem) return { ...response, description: "Done", content };
  const examples = problemExamples(method, path, Number(status));
  const titles = Object.keys(examples).map((code) => PROBLEMS[code]?.title);
  const schema = isJsonObject(json) ? json : {};
  return {
    ...response,
    description: titles.join("; ") || "A problem",
    content: { "application/problem+json": { ...schema, examples } },
  };
}

function mapObject(value: Json | undefined, change: (key: string, value: Json) => Json): JsonObject {
  return Object.fromEntries(
    Object.entries(isJsonObject(value) ? value : {}).map(([key, inner]) => [key, change(key, inner)]),
  );
}
