import type { Json, JsonObject } from "../values/json.ts";
import { pointerOf, type TaskReference } from "../values/task-reference.ts";
import type { Report } from "./report.ts";
import type { Task, TaskList } from "./workflow.ts";

/** Where a task stands. The three differ only inside the body of a function. */
export interface TaskPlace {
  /** In the document, for messages. */
  readonly pointer: string;
  /** In `Workflow.byKey`. */
  readonly key: string;
  /** Shown to users: that of the calling task, inside a function. */
  readonly reference: TaskReference;
  readonly inFunction: boolean;
}

/** What is known around a task while it is read. */
export interface Scope {
  readonly report: Report;
  /** The definition's `use`. */
  readonly use: JsonObject;
  /** Where a task name first stands in the document. */
  readonly taskNames: ReadonlyMap<string, string>;
  /** Variables of the loops and handlers around, without `$`. */
  readonly enclosing: readonly string[];
  /** Functions whose bodies we are in, outermost first. */
  readonly calls: readonly string[];
  /** The definition's extensions apply; false among the tasks of an extension. */
  readonly extended: boolean;
  /** `evaluate.mode: loose`: a text is an expression whenever it is jq. */
  readonly loose: boolean;
  readonly byKey: Map<string, Task>;
  /** Contents of external resources that are at hand, by URI. */
  readonly resources: ReadonlyMap<string, string>;
  /** Inside a function's document from elsewhere, which is not trusted with the definition's secrets. */
  readonly isForeign: boolean;
  /** Reads a list of tasks; `alone`: each is a list of its own (the branches of a fork). */
  readonly readList: (value: Json | undefined, place: TaskPlace, scope: Scope, alone?: boolean) => TaskList;
  /** Reads one task that is no item of a list (the body of a function). */
  readonly readTask: (
    definition: Json,
    name: string,
    place: TaskPlace,
    siblings: readonly string[],
    scope: Scope,
  ) => Task;
}

export function placeIn(place: TaskPlace, ...segments: readonly (string | number)[]): TaskPlace {
  return {
    pointer: pointerOf(place.pointer, ...segments),
    key: pointerOf(place.key, ...segments),
    reference: place.inFunction ? place.reference : pointerOf(place.reference, ...segments),
    inFunction: place.inFunction,
  };
}

/** Inside a loop or a handler, whose variables are `names`. */
export function within(scope: Scope, names: readonly string[]): Scope {
  return { ...scope, enclosing: [...scope.enclosing, ...names] };
}
