import { z } from "zod";
import type { DeadLetter } from "../../ports/event-store.ts";
import type { ExecutionService } from "../../runtime/service.ts";
import { problemToJson } from "../../values/problem.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { HttpApp } from "../http-app.ts";
import { pageQuery, problems } from "../schemas/common.ts";
import { type LetterBody, letterBody, letterList, letterPath } from "../schemas/dead-letters.ts";
import { isoTime } from "./executions.ts";

const tags = ["dead letters"];

export function deadLetterRoutes(app: HttpApp, { executions }: { readonly executions: ExecutionService }): void {
  app.get(
    "/dead-letters",
    {
      schema: {
        tags,
        summary: "What was given up, newest first",
        querystring: pageQuery,
        response: { 200: letterList, ...problems(400, 503) },
      },
    },
    async ({ query, tenant }) => {
      const scope = ["dead-letters", tenant];
      const place = query.cursor === undefined ? {} : { cursor: String(decodeCursor(scope, query.cursor)) };
      const { items, nextCursor } = await executions.deadLetters(tenant, { limit: query.limit, ...place });
      return {
        items: items.map(letterBodyOf),
        ...(nextCursor === undefined ? {} : { nextCursor: encodeCursor(scope, nextCursor) }),
      };
    },
  );

  app.get(
    "/dead-letters/:id",
    {
      schema: {
        tags,
        summary: "Look at one dead letter",
        params: letterPath,
        response: { 200: letterBody, ...problems(400, 404, 503) },
      },
    },
    async ({ params, tenant }) => letterBodyOf(await executions.deadLetter(tenant, params.id)),
  );

  app.post(
    "/dead-letters/:id/redrive",
    {
      schema: {
        tags,
        summary: "Let what it stopped go on; works once",
        params: letterPath,
        body: z.strictObject({}).nullish(),
        response: { 202: letterBody, ...problems(400, 404, 409, 422, 503) },
      },
    },
    async ({ params, tenant, once }, reply) => {
      const letter = await executions.redrive(tenant, params.id, once);
      return reply.code(202).send(letterBodyOf(letter));
    },
  );

  app.delete(
    "/dead-letters/:id",
    {
      schema: {
        tags,
        summary: "Forget a dead letter",
        description: "409 while it stops an open execution.",
        params: letterPath,
        response: { 204: z.null(), ...problems(400, 404, 409, 503) },
      },
    },
    async ({ params, tenant }, reply) => {
      await executions.discardLetter(tenant, params.id);
      return reply.code(204).send(null);
    },
  );
}

function letterBodyOf(letter: DeadLetter): LetterBody {
  const { id, kind, executionId, workflowId, attempts } = letter;
  const { namespace, name, version, digest } = letter.definition;
  return {
    id,
    kind,
    executionId,
    workflowId,
    definition: { namespace, name, version, digest },
    ...(letter.task === null ? {} : { task: letter.task }),
    error: problemToJson(letter.error) as LetterBody["error"],
    ...(letter.stack === null ? {} : { stack: letter.stack }),
    attempts,
    parkedAt: isoTime(letter.parkedAt),
    ...(letter.redrivenAt === null ? {} : { redrivenAt: isoTime(letter.redrivenAt) }),
  };
}
