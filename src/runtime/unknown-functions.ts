import { didYouMean } from "../dsl/did-you-mean.ts";
import type { Workflow } from "../dsl/workflow.ts";
import type { InputIssue } from "../errors.ts";
import { pointerOf } from "../values/task-reference.ts";

/** Known names listed in a message; more would bury it. */
const NAMES_SHOWN = 20;

/** One issue for each task that calls a function no worker has ever announced. */
export function unknownFunctions(
  workflow: Workflow,
  known: readonly string[],
  line: (pointer: string) => number | undefined,
): readonly InputIssue[] {
  const issues: InputIssue[] = [];
  for (const task of workflow.byKey.values()) {
    if (task.kind !== "call" || task.call !== "code" || known.includes(task.function)) continue;
    const pointer = pointerOf(task.reference, "call");
    const at = line(pointer) ?? line(task.reference);
    issues.push({
      pointer,
      ...(at === undefined ? {} : { line: at }),
      message: `no worker has ever announced function "${task.function}"${suggestion(task.function, known)}`,
    });
  }
  return issues;
}

function suggestion(name: string, known: readonly string[]): string {
  const shown = [...known].sort().slice(0, NAMES_SHOWN);
  const more = known.length > shown.length ? ", …" : "";
  return `${didYouMean(name, known)} (known: ${shown.length === 0 ? "none" : shown.join(", ") + more})`;
}
