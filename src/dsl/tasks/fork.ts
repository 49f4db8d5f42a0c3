import type { JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { booleanOf, objectOf } from "../fields.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import type { ForkTask, TaskBase } from "../workflow.ts";

export const FORK_MEMBERS = ["fork"];
const FORK = { what: "`fork`", allowed: ["branches", "compete"] };

export function readFork(base: TaskBase, definition: JsonObject, place: TaskPlace, scope: Scope): ForkTask {
  const pointer = pointerOf(place.pointer, "fork");
  const fork = objectOf(definition.fork, pointer, FORK, scope.report);
  return {
    ...base,
    kind: "fork",
    compete: booleanOf(fork.compete, `${pointer}/compete`, "`compete`", scope.report),
    branches: scope.readList(fork.branches, placeIn(place, "fork", "branches"), scope, true),
  };
}
