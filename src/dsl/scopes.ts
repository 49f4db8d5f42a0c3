/**
 * Names an expression may use, without `$`, by place: the table of the DSL reference, "Runtime expression arguments". jq refuses a
 * name that is not bound, so every place binds exactly its own.
 */
export const SCOPES = {
  /** `schedule.on`: there is no execution yet. */
  schedule: [],
  workflowInput: ["secrets", "workflow", "runtime"],
  workflowTimeout: ["secrets", "workflow", "runtime"],
  workflowOutput: ["context", "secrets", "workflow", "runtime"],
  /** `if`, `input.from`. */
  taskInput: ["context", "secrets", "task", "workflow", "runtime"],
  /** All that a task is made of: `set`, `with`, `when`, `for.in`, `timeout` … */
  taskDefinition: ["context", "input", "secrets", "task", "workflow", "runtime", "authorization"],
  taskOutput: ["context", "input", "secrets", "task", "workflow", "runtime", "authorization"],
  taskExport: ["context", "input", "output", "secrets", "task", "workflow", "runtime", "authorization"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type Place = keyof typeof SCOPES;

/** A place inside loops and handlers: `enclosing` are the names their `for.each`, `for.at` and `catch.as` bind. */
export function variablesAt(place: Place, enclosing: readonly string[]): readonly string[] {
  return [...new Set([...SCOPES[place], ...enclosing])];
}

/** Names a loop or a handler cannot take, since they mean something else everywhere in a task. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set(Object.values(SCOPES).flat());
