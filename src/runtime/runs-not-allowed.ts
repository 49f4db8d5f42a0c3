import type { Task, Workflow } from "../dsl/workflow.ts";
import type { InputIssue } from "../errors.ts";
import { ownProperty } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";

export type RunAllowed = readonly ("script" | "shell" | "container")[];

/**
 * One warning for each task that starts what this process does not know to be allowed. No refusal: the task workers decide, and
 * their settings may be others.
 */
export function runsNotAllowed(
  workflow: Workflow,
  allowed: RunAllowed,
  line: (pointer: string) => number | undefined,
): readonly InputIssue[] {
  const issues: InputIssue[] = [];
  for (const task of workflow.byKey.values()) {
    const started = startedBy(task);
    if (started === undefined || allowed.includes(started.kind)) continue;
    const pointer = pointerOf(task.reference, ...started.at);
    const at = line(pointer) ?? line(task.reference);
    issues.push({
      pointer,
      ...(at === undefined ? {} : { line: at }),
      message: `${started.what} fails (authorization 403) unless the task workers run with RUN_ALLOWED=${started.kind}`,
    });
  }
  return issues;
}

interface Started {
  readonly kind: RunAllowed[number];
  readonly what: string;
  readonly at: readonly string[];
}

function startedBy(task: Task): Started | undefined {
  if (task.kind === "call" && task.call === "mcp") {
    const transport = ownProperty(ownProperty(task.definition, "with"), "transport");
    if (ownProperty(transport, "stdio") === undefined) return undefined;
    return { kind: "shell", what: "an MCP server over stdio", at: ["with", "transport", "stdio"] };
  }
  if (task.kind !== "run" || task.run === "workflow") return undefined;
  return { kind: task.run, what: `run ${task.run}`, at: ["run", task.run] };
}
