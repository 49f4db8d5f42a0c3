import { type Duration, fixedDurationMs, parseDuration } from "../values/durations.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { cronFault, cronTextOf, isTimeZone } from "./cron.ts";
import { choiceOf, kindOf, objectOf, textOf } from "./fields.ts";
import type { Report } from "./report.ts";

export const CATCH_UPS = ["none", "last", "all"] as const;
export const OVERLAPS = ["allow", "skip", "buffer-one", "cancel-running"] as const;
/** Which of the moments that were missed while nobody could start anything are made up for. */
export type CatchUp = (typeof CATCH_UPS)[number];
/** What happens at a moment at which an earlier execution of the schedule is open. */
export type Overlap = (typeof OVERLAPS)[number];

/** When a registered definition starts by itself. */
export interface Schedule {
  readonly when: ScheduleWhen;
  /** Null, for each of these: as the service is set. */
  readonly catchUp: CatchUp | null;
  readonly overlap: Overlap | null;
}
export type ScheduleWhen =
  | { readonly kind: "every" | "after"; readonly interval: Duration }
  | { readonly kind: "cron"; readonly pattern: string; readonly timeZone: string | null };

const KINDS = ["every", "cron", "after", "on"] as const;
const METADATA = "/document/metadata/schedule";

/**
 * `schedule` of a definition, with what `document.metadata.schedule` says of it, for which the specification has no place. Null when
 * there is none, and for one that cannot be used, which is reported.
 */
export function scheduleAt(document: JsonObject, report: Report): Schedule | null {
  const options = optionsAt(document, report);
  if (document.schedule === undefined) {
    if (options !== undefined) report.warning(METADATA, "it has no meaning without a `schedule`");
    return null;
  }
  const schedule = objectOf(document.schedule, "/schedule", { what: "`schedule`", allowed: KINDS }, report);
  const given = KINDS.filter((kind) => schedule[kind] !== undefined);
  const [kind, second] = given;
  if (kind === undefined) {
    report.issue("/schedule", "`schedule` needs one of every, cron, after");
    return null;
  }
  if (second !== undefined) {
    report.issue(
      pointerOf("/schedule", second),
      `\`schedule\` has one of ${KINDS.join(", ")}, not ${given.join(" and ")}`,
    );
  }
  const { catchUp = null, overlap = null, timeZone } = options ?? {};
  const when = whenAt(kind, schedule[kind], timeZone, report);
  return when === undefined ? null : { when, catchUp, overlap };
}

interface Options {
  readonly catchUp: CatchUp | null;
  readonly overlap: Overlap | null;
  readonly timeZone: string | undefined;
}

function optionsAt(document: JsonObject, report: Report): Options | undefined {
  const header = isJsonObject(document.document) ? document.document : {};
  const metadata = isJsonObject(header.metadata) ? header.metadata : {};
  if (metadata.schedule === undefined) return undefined;
  // Without a schedule it is the author's own.
  if (document.schedule === undefined) return { catchUp: null, overlap: null, timeZone: undefined };
  const shape = { what: "`metadata.schedule`", allowed: ["catchUp", "overlap", "timeZone"] };
  const options = objectOf(metadata.schedule, METADATA, shape, report);
  const at = (key: string) => pointerOf(METADATA, key);
  const choice = <Choice extends string>(key: string, choices: readonly [Choice, ...Choice[]]) =>
    options[key] === undefined ? null : choiceOf(options[key], at(key), `\`${key}\``, choices, report);
  const timeZone =
    options.timeZone === undefined ? undefined : textOf(options.timeZone, at("timeZone"), "`timeZone`", report);
  return { catchUp: choice("catchUp", CATCH_UPS), overlap: choice("overlap", OVERLAPS), timeZone };
}

function whenAt(
  kind: (typeof KINDS)[number],
  value: Json | undefined,
  timeZone: string | undefined,
  report: Report,
): ScheduleWhen | undefined {
  const pointer = pointerOf("/schedule", kind);
  if (kind === "on") {
    report.unsupported(pointer, "schedule.on");
    return undefined;
  }
  if (kind === "cron") return cronAt(value, pointer, timeZone, report);
  if (timeZone !== undefined) {
    report.issue(pointerOf(METADATA, "timeZone"), `a time zone is of \`cron\` only, not of \`${kind}\``);
  }
  const interval = value === undefined ? undefined : parseDuration(value);
  if (interval === undefined) {
    const form = "must be a duration such as PT15M or {minutes: 15}, written out";
    report.issue(pointer, `\`${kind}\` ${form}, not ${kindOf(value)}`);
    return undefined;
  }
  if (fixedDurationMs(interval) === 0) {
    report.issue(pointer, `\`${kind}\` must be longer than nothing`);
    return undefined;
  }
  return { kind, interval };
}

function cronAt(
  value: Json | undefined,
  pointer: string,
  elsewhere: string | undefined,
  report: Report,
): ScheduleWhen | undefined {
  const text = textOf(value, pointer, "`cron`", report);
  if (text === "" && value !== "") return undefined;
  const { pattern, timeZone: before } = cronTextOf(text);
  const fault = cronFault(pattern);
  if (fault !== undefined) report.issue(pointer, `${JSON.stringify(text)} is no cron expression: ${fault}`);
  if (before !== null && elsewhere !== undefined) {
    report.issue(pointerOf(METADATA, "timeZone"), "the cron expression says its time zone itself (TZ=)");
  }
  const timeZone = before ?? elsewhere ?? null;
  const place = before === null ? pointerOf(METADATA, "timeZone") : pointer;
  if (timeZone !== null && !isTimeZone(timeZone)) {
    report.issue(place, `${JSON.stringify(timeZone)} is no time zone, such as Europe/Berlin or UTC`);
    return undefined;
  }
  return fault === undefined ? { kind: "cron", pattern, timeZone } : undefined;
}
