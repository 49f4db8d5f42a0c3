import type { Resource } from "../dsl/workflow.ts";
import type { ExpressionArguments } from "../expressions/index.ts";
import { hashOf } from "../values/ids.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { type Draft, decided } from "./draft.ts";
import type { ExecutionState } from "./state.ts";

/** Who cannot begin without some external resources; of the workflow itself key and reference are "". */
interface Waiting {
  readonly key: string;
  readonly reference: string;
  readonly frame: number;
  readonly needs: readonly Resource[];
}

/** The world is asked to pin what the definition refers to. @param args of the authentications, evaluated where the resources are fetched. */
export function askForResources(state: ExecutionState, of: Waiting, input: Json, args: ExpressionArguments): Draft {
  const reads = of.needs.flatMap(({ authentication }) => authentication?.reads ?? []);
  const entries = Object.entries(args).filter(([name]) => reads.includes(name) && name !== "secrets");
  return decided("task.requested", {
    task: of.reference,
    frame: of.frame,
    activity: { kind: "resource", deferred: { key: of.key, input, args: Object.fromEntries(entries) as JsonObject } },
    idempotencyKey: hashOf(state.executionId, "resource", of.key).slice(0, 32),
    attempt: 1,
  });
}
