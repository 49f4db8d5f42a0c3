import type { ExecutionService } from "../../runtime/service.ts";
import type { WorkflowHistoryStart } from "../../runtime/workflow-history.ts";
import { cloudEvent } from "../cloud-event.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { HttpApp } from "../http-app.ts";
import { pageQuery, problems } from "../schemas/common.ts";
import { eventList, workflowPath } from "../schemas/executions.ts";

export function workflowRoutes(app: HttpApp, { executions }: { readonly executions: ExecutionService }): void {
  app.get(
    "/workflows/:workflowId/history",
    {
      schema: {
        tags: ["workflows"],
        summary: "The events of all executions of a workflow ID, oldest first",
        params: workflowPath,
        querystring: pageQuery,
        response: { 200: eventList, ...problems(400, 404, 503) },
      },
    },
    async ({ params, query, tenant }) => {
      const { workflowId } = params;
      const scope = ["workflow-history", tenant, workflowId];
      const start =
        query.cursor === undefined ? undefined : (decodeCursor(scope, query.cursor) as unknown as WorkflowHistoryStart);
      const { items, next } = await executions.workflowHistory(tenant, workflowId, start, query.limit);
      return {
        items: items.map(({ executionId, event }) => cloudEvent(event, { tenant, workflowId, executionId })),
        ...(next === undefined ? {} : { nextCursor: encodeCursor(scope, { ...next }) }),
      };
    },
  );
}
