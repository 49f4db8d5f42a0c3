import { z } from "zod";
import type { StoredDefinition } from "../../ports/database.ts";
import type { DefinitionService } from "../../runtime/definitions.ts";
import { ownProperty } from "../../values/json.ts";
import { preferredType } from "../accept.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { HttpApp } from "../http-app.ts";
import { takeTextBodies, YAML_TYPES } from "../plugins/bodies.ts";
import { problems } from "../schemas/common.ts";
import {
  checkedBody,
  type DefinitionBody,
  type DefinitionSummary,
  definitionBody,
  definitionList,
  definitionListQuery,
  definitionPath,
  definitionQuery,
  definitionText,
  definitionVersionPath,
  registeredBody,
} from "../schemas/definitions.ts";
import { isoTime } from "./executions.ts";

const tags = ["definitions"];
const consumes = ["application/yaml", "application/json"];
const produces = ["application/json", ...YAML_TYPES, "application/problem+json"];

interface Deps {
  readonly definitions: DefinitionService;
}

export async function definitionRoutes(app: HttpApp, deps: Deps): Promise<void> {
  readRoutes(app, deps.definitions);
  await app.register(async (texts) => {
    takeTextBodies(texts);
    writeRoutes(texts, deps.definitions);
  });
}

function writeRoutes(app: HttpApp, definitions: DefinitionService): void {
  app.put(
    "/definitions",
    {
      schema: {
        tags,
        consumes,
        summary: "Register a definition",
        description: "A version never changes: 201 when new, 200 when identical, 409 when it has other content.",
        querystring: definitionQuery,
        body: definitionText,
        response: { 200: registeredBody, 201: registeredBody, ...problems(400, 409, 413, 415, 422, 503) },
      },
    },
    async ({ body, query, tenant }, reply) => {
      const { created, definition, warnings } = await definitions.register(tenant, body, query);
      return reply
        .code(created ? 201 : 200)
        .header("location", `/api/v1/definitions/${definition.namespace}/${definition.name}/${definition.version}`)
        .send({ ...summaryBodyOf(definition), created, warnings });
    },
  );

  app.post(
    "/definitions/validate",
    {
      schema: {
        tags,
        consumes,
        summary: "Say what is wrong with a definition, without registering it",
        querystring: definitionQuery,
        body: definitionText,
        response: { 200: checkedBody, ...problems(400, 413, 415, 422, 503) },
      },
    },
    async ({ body, query }) => {
      const checked = await definitions.check(body, query);
      const { valid, warnings } = checked;
      return { valid, issues: checked.valid ? [] : checked.issues, warnings };
    },
  );
}

function readRoutes(app: HttpApp, definitions: DefinitionService): void {
  app.get(
    "/definitions",
    {
      schema: {
        tags,
        summary: "List definitions: by namespace, name, then version, newest first",
        querystring: definitionListQuery,
        response: { 200: definitionList, ...problems(400, 503) },
      },
    },
    async ({ query, tenant }) => {
      const { limit, cursor, ...filter } = query;
      const scope = ["definitions", tenant, JSON.stringify(filter)];
      const place = cursor === undefined ? {} : { cursor: String(decodeCursor(scope, cursor)) };
      const { items, nextCursor } = await definitions.list(tenant, filter, { limit, ...place });
      return {
        items: items.map(summaryBodyOf),
        ...(nextCursor === undefined ? {} : { nextCursor: encodeCursor(scope, nextCursor) }),
      };
    },
  );

  const reading = {
    summary: "Look at one definition; without a version, or with `latest`, the newest",
    description: "`Accept: application/yaml` gives back the text as it was sent.",
    response: { 200: definitionBody, ...problems(400, 404, 406, 503) },
  };
  const deleting = {
    summary: "Take it out of the lists",
    description: "Executions keep what they run. 409 while some are open.",
    response: { 204: z.null(), ...problems(400, 404, 409, 503) },
  };
  const config = { produces };
  const paths = [
    ["/definitions/:namespace/:name", definitionPath],
    ["/definitions/:namespace/:name/:version", definitionVersionPath],
  ] as const;
  for (const [url, params] of paths) {
    app.get(url, { config, schema: { tags, params, ...reading } }, async ({ params, headers, tenant }, reply) => {
      const version = "version" in params ? params.version : undefined;
      const found = await definitions.get(tenant, params.namespace, params.name, version);
      const type = preferredType(headers.accept, produces) ?? "application/json";
      if (!isYaml(type)) return definitionBodyOf(found);
      // Past the serializer of JSON answers: this is the author's own text.
      return reply
        .type(`${type}; charset=utf-8`)
        .serializer(String)
        .send(found.source as unknown as DefinitionBody);
    });
    app.delete(url, { schema: { tags, params, ...deleting } }, async ({ params, tenant }, reply) => {
      const version = "version" in params ? params.version : undefined;
      await definitions.unlist(tenant, params.namespace, params.name, version);
      return reply.code(204).send(null);
    });
  }
}

function isYaml(type: string): boolean {
  return YAML_TYPES.some((yaml) => yaml === type);
}

function summaryBodyOf({ namespace, name, version, digest, createdAt, document }: StoredDefinition): DefinitionSummary {
  const about = ownProperty(document, "document");
  const title = ownProperty(about, "title");
  const summary = ownProperty(about, "summary");
  return {
    namespace,
    name,
    version,
    digest,
    ...(typeof title === "string" ? { title } : {}),
    ...(typeof summary === "string" ? { summary } : {}),
    createdAt: isoTime(createdAt),
  };
}

function definitionBodyOf(definition: StoredDefinition): DefinitionBody {
  return { ...summaryBodyOf(definition), document: definition.document };
}
