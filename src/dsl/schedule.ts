import { ExpressionError } from "../expressions/index.ts";
import { READ_AS, type ReadAs } from "../values/cloud-event.ts";
import { type Duration, fixedDurationMs, parseDuration } from "../values/durations.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { cronFault, cronTextOf, isTimeZone } from "./cron.ts";
import { strategyAt } from "./event-strategy.ts";
import { anyObjectOf, choiceOf, kindOf, objectOf, textOf } from "./fields.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import { renderTemplate } from "./template.ts";
import type { EventConsumption, EventStrategy, Workflow } from "./workflow.ts";

export const CATCH_UPS = ["none", "last", "all"] as const;
export const OVERLAPS = ["allow", "skip", "buffer-one", "cancel-running"] as const;
/** Which of the moments that were missed while nobody could start anything are made up for. */
export type CatchUp = (typeof CATCH_UPS)[number];
/** What happens at a moment at which an earlier execution of the schedule is open. */
export type Overlap = (typeof OVERLAPS)[number];

/** When a registered definition starts by itself: at times, on events, or both. Plain data, as it is stored. */
export interface Schedule {
  /** Null: on events only. */
  readonly when: ScheduleWhen | null;
  /** Absent or null: at times only. */
  readonly on?: ScheduleOn | null;
  /** Null, for each of these: as the service is set. */
  readonly catchUp: CatchUp | null;
  readonly overlap: Overlap | null;
}
export type ScheduleWhen =
  | { readonly kind: "every" | "after"; readonly interval: Duration }
  | { readonly kind: "cron"; readonly pattern: string; readonly timeZone: string | null };
/** The input of what starts is the list of the events that were consumed. */
export interface ScheduleOn {
  /** As it is written; `Workflow.startsOn` is what it means. */
  readonly to: JsonObject;
  readonly read: ReadAs;
}

const TIMES = ["every", "cron", "after"] as const;
const KINDS = [...TIMES, "on"] as const;
const METADATA = "/document/metadata/schedule";

/**
 * `schedule` of a definition, with what `document.metadata.schedule` says of it, for which the specification has no place. Nulls when
 * there is none, and for one that cannot be used, which is reported.
 */
export function scheduleAt(document: JsonObject, scope: Scope): Pick<Workflow, "schedule" | "startsOn"> {
  const { report } = scope;
  const options = optionsAt(document, report);
  if (document.schedule === undefined) {
    if (options !== undefined) report.warning(METADATA, "it has no meaning without a `schedule`");
    return NONE;
  }
  const allowed = [...KINDS, "read"];
  const schedule = objectOf(document.schedule, "/schedule", { what: "`schedule`", allowed }, report);
  const times = TIMES.filter((kind) => schedule[kind] !== undefined);
  const [kind, second] = times;
  const startsOn = schedule.on === undefined ? null : eventsAt(schedule.on, scope);
  if (kind === undefined && schedule.on === undefined) {
    report.issue("/schedule", "`schedule` needs one of every, cron, after, on");
    return NONE;
  }
  if (second !== undefined) {
    report.issue(
      pointerOf("/schedule", second),
      `\`schedule\` has one of ${TIMES.join(", ")}, not ${times.join(" and ")}; \`on\` may stand beside it`,
    );
  }
  if (schedule.read !== undefined && schedule.on === undefined) {
    report.issue("/schedule/read", "`read` says how the events of `on` are read, and there is none");
  }
  const { catchUp = null, overlap = null, timeZone } = options ?? {};
  const when = kind === undefined ? null : whenAt(kind, schedule[kind], timeZone, report);
  if (kind === undefined) reportTimeOptions(options, report);
  const on = startsOn === null ? null : { to: objectIn(schedule.on), read: readAt(schedule.read, report) };
  if (when === undefined || (when === null && on === null)) return NONE;
  return { schedule: { when, on, catchUp, overlap }, startsOn };
}

const NONE = { schedule: null, startsOn: null };

function eventsAt(value: Json, scope: Scope): EventConsumption | null {
  const strategy = anyObjectOf(value, "/schedule/on", "`on`", scope.report);
  if (strategy === undefined) return null;
  const consumption = strategyAt(strategy, "/schedule/on", "schedule", scope);
  reportExpected(consumption.to, "/schedule/on", scope.report);
  const { until } = consumption;
  if (until !== null && "filters" in until) reportExpected(until, "/schedule/on/until", scope.report);
  return consumption;
}

/** There is nothing that `expect` could depend on: what fails now always does. */
function reportExpected({ kind, filters }: EventStrategy, pointer: string, report: Report): void {
  for (const [index, { expect }] of filters.entries()) {
    for (const [key, wanted] of Object.entries(expect)) {
      const place = kind === "one" ? [kind] : [kind, index];
      try {
        renderTemplate(wanted, null, {}, { now: 0 });
      } catch (error) {
        if (!(error instanceof ExpressionError)) throw error;
        const at = pointerOf(pointer, ...place, "correlate", key, "expect");
        report.issue(at, `it cannot be evaluated, and here is nothing that it could depend on: ${error.message}`);
      }
    }
  }
}

/** Whole events, unless it says otherwise: what the examples of the specification read, and no release has `read` yet. */
function readAt(value: Json | undefined, report: Report): ReadAs {
  return value === undefined ? "envelope" : choiceOf(value, "/schedule/read", "`read`", READ_AS, report);
}

function objectIn(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function reportTimeOptions(options: Options | undefined, report: Report): void {
  if (options?.timeZone !== undefined) {
    report.issue(pointerOf(METADATA, "timeZone"), "a time zone is of `cron` only, not of `on`");
  }
  if (options?.catchUp != null) {
    report.warning(pointerOf(METADATA, "catchUp"), "it is of times: events that came while nothing ran are not missed");
  }
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
  kind: (typeof TIMES)[number],
  value: Json | undefined,
  timeZone: string | undefined,
  report: Report,
): ScheduleWhen | undefined {
  const pointer = pointerOf("/schedule", kind);
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
