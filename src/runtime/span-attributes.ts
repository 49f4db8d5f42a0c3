import type { ExecutionHead } from "../ports/event-store.ts";
import type { Attributes } from "../ports/tracing.ts";

/** Which execution a span belongs to: never its data. */
export function spanAttributes({
  executionId,
  workflowId,
  tenant,
  definition,
}: Pick<ExecutionHead, "executionId" | "workflowId" | "tenant" | "definition">): Attributes {
  return {
    "durabull.tenant": tenant,
    "durabull.workflow_id": workflowId,
    "durabull.execution_id": executionId,
    "durabull.definition": `${definition.namespace}/${definition.name}/${definition.version}`,
  };
}
