import { renderTemplate } from "../../dsl/template.ts";
import type { EmitTask } from "../../dsl/workflow.ts";
import { type EventEnvelope, eventFault, isEventEnvelope, isOwnEventType } from "../../values/cloud-event.ts";
import { isJsonObject, type Json } from "../../values/json.ts";
import type { Turn } from "../advance.ts";
import { type Draft, decided } from "../draft.ts";
import { fault } from "../fault.ts";
import { definitionScope, finish } from "../flow.ts";
import { recordable } from "../limits.ts";

/** The event is recorded, whole, and with that the task has ended: to publish it is owed until it is done. */
export function enterEmit(turn: Turn<EmitTask>): readonly Draft[] {
  const { state, situation, frame, task } = turn;
  const args = definitionScope(state, situation, frame, task);
  const event = recordable(
    eventOf(turn, renderTemplate(task.event, frame.input, args, situation)),
    "the event",
    situation,
  );
  const emitted = decided("event.emitted", { task: task.reference, frame: frame.id, event });
  return [emitted, ...finish(state, situation, frame, task, event, { offset: 1 })];
}

/** What is missing is made up; members that are null are left out. */
function eventOf({ state, situation }: Turn<EmitTask>, given: Json): EventEnvelope {
  const { namespace, name, version } = situation.workflow;
  const members = Object.entries(isJsonObject(given) ? given : {}).filter(
    ([member, value]) => value !== null || member === "data",
  );
  const hasJson = members.some(([member]) => member === "data");
  const event: Json = {
    specversion: "1.0",
    id: `${state.executionId}.${state.version + 1}`,
    source: `/${namespace}/${name}/${version}`,
    time: new Date(situation.now).toISOString(),
    ...(hasJson ? { datacontenttype: "application/json" } : {}),
    ...Object.fromEntries(members),
  };
  if (isEventEnvelope(event)) {
    if (isOwnEventType(event.type))
      throw fault("configuration", 'types that begin with "io.flunq." are those of histories');
    return event;
  }
  const wrong = eventFault(event);
  const member = wrong?.member === undefined ? "" : ` (${wrong.member})`;
  throw fault("validation", `the event is no CloudEvent: ${wrong?.message ?? ""}${member}`);
}
