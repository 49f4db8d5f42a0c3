import type { Json } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { anyObjectOf, objectOf, textOf } from "../fields.ts";
import { templateAt } from "../programs.ts";
import type { Scope } from "../scope.ts";
import type { RunWorkflowTask } from "../workflow.ts";

const WORKFLOW = {
  what: "`run.workflow`",
  allowed: ["namespace", "name", "version", "input"],
  required: ["namespace", "name"],
};

export function readRunWorkflow(
  value: Json | undefined,
  pointer: string,
  scope: Scope,
): Pick<RunWorkflowTask, "workflow" | "with"> {
  const { namespace, name, version, input } = objectOf(value, pointer, WORKFLOW, scope.report);
  const text = (member: Json | undefined, key: string) =>
    member === undefined ? "" : textOf(member, pointerOf(pointer, key), `\`${key}\``, scope.report);
  const at = pointerOf(pointer, "input");
  const given = input === undefined ? undefined : anyObjectOf(input, at, "`input`", scope.report);
  const wanted = version === undefined ? "latest" : text(version, "version");
  return {
    workflow: {
      namespace: text(namespace, "namespace"),
      name: text(name, "name"),
      ...(wanted === "latest" ? {} : { version: wanted }),
    },
    with: given === undefined ? null : templateAt(given, at, "taskDefinition", scope),
  };
}
