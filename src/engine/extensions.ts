import type { Extension, Task, TaskList } from "../dsl/workflow.ts";
import type { ExtensionEntry } from "./events.ts";
import type { Around, Frame } from "./state.ts";

type Section = "before" | "after";

/** Whether a frame's children are at present tasks of an extension, not its own. */
export function isInExtension(
  frame: Frame,
): frame is Frame & { readonly around: Around & { readonly section: Section } } {
  return frame.around?.section === "before" || frame.around?.section === "after";
}

/** The list of an extension a frame goes through at present. */
export function extensionList(task: Task, around: Around): TaskList {
  const extension: Extension | undefined = task.extensions[around.at];
  if (extension === undefined || (around.section !== "before" && around.section !== "after")) {
    throw new Error(`task ${task.key} has no tasks in section ${around.section} of extension ${around.at}`);
  }
  return extension[around.section];
}

/** The first extension at `from` or later that applies and has tasks in a section; undefined when none has. */
export function nextExtension(task: Task, around: Around, section: Section, from: number): number | undefined {
  return around.active.find((at) => at >= from && (task.extensions[at]?.[section].length ?? 0) > 0);
}

/** The section of an extended task once a child of it has begun: of an extension, or its own. */
export function sectionAfter(around: Around, entry: ExtensionEntry | undefined): Around {
  if (entry === undefined) return around.section === "own" ? around : ownSection(around);
  const { section, at, held = around.held } = entry;
  if (around.section === section && around.at === at) return around;
  return { active: around.active, section, at, ...(held === undefined ? {} : { held }) };
}

/** What begins in an extended frame when its own work does; nothing for one that is not extended. */
export function inOwnSection({ around }: Frame): { readonly around?: Around } {
  return around === undefined ? {} : { around: ownSection(around) };
}

function ownSection({ active }: Around): Around {
  return { active, section: "own", at: -1 };
}

/** In the path of a frame, so that idempotency keys of an extension's tasks differ from all others. */
export function extensionMark({ section, at }: Around): string {
  return `${section === "before" ? "<" : ">"}${at}`;
}

/** What a task of an extension says about its parent, when it is not the first of its list. */
export function entryOf(frame: Frame): { readonly extension?: ExtensionEntry } {
  return isInExtension(frame) ? { extension: { at: frame.around.at, section: frame.around.section } } : {};
}
