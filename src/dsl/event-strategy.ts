import { isAttributeName, isUnheardType } from "../values/cloud-event.ts";
import { isJsonObject, type Json, type JsonObject } from "../values/json.ts";
import { pointerOf } from "../values/task-reference.ts";
import { compileFilter, type EventFilter, isPattern, patternProgram } from "./event-filter.ts";
import { anyObjectOf, kindOf, listAt, objectOf, textOf } from "./fields.ts";
import { programAt, SECRETS_ELSEWHERE, templateAt } from "./programs.ts";
import type { Report } from "./report.ts";
import type { Scope } from "./scope.ts";
import { type Place, variablesAt } from "./scopes.ts";
import { expressionOf } from "./template.ts";
import type { EventConsumption, EventStrategy, ListenFilter, Template } from "./workflow.ts";

const KINDS = ["one", "all", "any"] as const;
const FILTER = { what: "an event filter", allowed: ["with", "correlate"], required: ["with"] };
const CORRELATION = { what: "a correlation", allowed: ["from", "expect"], required: ["from"] };
const NOTHING: EventFilter = {
  definition: { with: {}, from: {}, expects: [], variables: [] },
  reads: [],
  isIndexable: true,
  matches: () => false,
  correlate: () => undefined,
};
/** Stands for what was reported as unreadable. */
export const NO_STRATEGY: EventConsumption = { to: { kind: "any", filters: [] }, until: null };

/**
 * Which events are consumed, and what ends that: `listen.to`, `schedule.on`.
 *
 * @param place where its expressions stand, which says what variables they know.
 */
export function strategyAt(value: JsonObject, pointer: string, place: Place, scope: Scope): EventConsumption {
  const to = eventsAt(value, pointer, place, scope, true);
  const { until } = value;
  if (until === undefined || to.kind !== "any") return { to, until: null };
  const at = pointerOf(pointer, "until");
  if (!isJsonObject(until)) return { to, until: programAt(until, at, place, scope) };
  return { to, until: eventsAt(until, at, place, scope, false) };
}

/** One of the three strategies; `until` belongs to `any`, and not inside another `until`. */
function eventsAt(value: JsonObject, pointer: string, place: Place, scope: Scope, isOuter: boolean): EventStrategy {
  const { report } = scope;
  const given = KINDS.filter((kind) => Object.hasOwn(value, kind));
  const [kind] = given;
  objectOf(value, pointer, { what: "a strategy for events", allowed: [...KINDS, "until"] }, report);
  if (kind === undefined || given.length > 1) {
    report.issue(pointer, `a strategy for events is one of one, all, any; this one has ${given.join(", ") || "none"}`);
    return NO_STRATEGY.to;
  }
  if (value.until !== undefined && !isOuter) {
    report.issue(pointerOf(pointer, "until"), "an `until` cannot have an `until` of its own");
  } else if (value.until !== undefined && kind !== "any") {
    report.issue(pointerOf(pointer, "until"), `\`until\` belongs to \`any\`, not to \`${kind}\``);
  }
  const at = pointerOf(pointer, kind);
  const events = value[kind];
  if (kind === "one") return { kind, filters: [filterAt(events, at, place, scope)] };
  const items = listAt(events, at, `\`${kind}\``, report);
  if (kind === "all" && Array.isArray(events) && items.length === 0) {
    report.issue(at, "`all` of no events waits for nothing; for every event write `any: []`");
  }
  return { kind, filters: items.map((item, index) => filterAt(item, pointerOf(at, index), place, scope)) };
}

function filterAt(value: Json | undefined, pointer: string, place: Place, scope: Scope): ListenFilter {
  const { with: given = {}, correlate = {} } = objectOf(value, pointer, FILTER, scope.report);
  const attributes = anyObjectOf(given, `${pointer}/with`, "`with`", scope.report) ?? {};
  if (isJsonObject(value) && isJsonObject(value.with) && Object.keys(attributes).length === 0) {
    scope.report.issue(`${pointer}/with`, "a filter names at least one attribute; for every event write `any: []`");
  }
  checkAttributeNames(attributes, `${pointer}/with`, scope.report);
  checkAttributeKinds(attributes, `${pointer}/with`, scope);
  // Said here with their places; compiled again as a whole below.
  templateAt(attributes, `${pointer}/with`, place, scope);
  if (typeof attributes.type === "string" && isUnheardType(attributes.type)) {
    scope.report.warning(`${pointer}/with/type`, "events of this type are of this service's own, and never heard");
  }
  for (const [name, wanted] of Object.entries(attributes)) {
    warnOfPattern(wanted, pointerOf(pointer, "with", name), scope.report);
  }
  const at = `${pointer}/correlate`;
  const correlations = Object.entries(anyObjectOf(correlate, at, "`correlate`", scope.report) ?? {}).map(
    ([key, correlation]) => ({ key, ...correlationAt(correlation, pointerOf(at, key), place, scope) }),
  );
  const expected = correlations.flatMap(({ key, expect }) => (expect === null ? [] : [[key, expect] as const]));
  const definition = {
    with: attributes,
    from: Object.fromEntries(correlations.map(({ key, from }) => [key, from])),
    expects: expected.map(([key]) => key),
    variables: variablesAt(place, scope.enclosing),
  };
  return { filter: compiled(definition, scope.report, pointer), expect: Object.fromEntries(expected) };
}

/** What cannot be compiled was reported at its own place. */
function compiled(definition: EventFilter["definition"], report: Report, pointer: string): EventFilter {
  if (report.issues.length > 0) return NOTHING;
  const filter = compileFilter(definition);
  if (filter.reads.includes("secrets")) report.issue(pointer, SECRETS_ELSEWHERE);
  return filter;
}

function correlationAt(
  value: Json,
  pointer: string,
  place: Place,
  scope: Scope,
): { readonly from: string; readonly expect: Template | null } {
  const { from, expect } = objectOf(value, pointer, CORRELATION, scope.report);
  if (from !== undefined) programAt(from, `${pointer}/from`, place, scope);
  const text = expect === undefined ? undefined : textOf(expect, `${pointer}/expect`, "`expect`", scope.report);
  return {
    from: typeof from === "string" ? from : "null",
    expect: text === undefined ? null : templateAt(text, `${pointer}/expect`, place, scope),
  };
}

function warnOfPattern(value: Json, pointer: string, report: Report): void {
  if (typeof value !== "string" || value.includes("${") || !isPattern(value)) return;
  try {
    patternProgram(value).first("", {}, { now: 0 });
  } catch {
    report.warning(pointer, `${kindOf(value)} is no regular expression, so that only the very text is matched`);
  }
}

const TEXTS = ["id", "type", "subject", "datacontenttype"] as const;
const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+\-.]*:\/\/./;
/** The characters of a URI reference, RFC 3986: what an event's source is, relative ones too. */
const REFERENCE = /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]+$/;
const URIS = {
  source: {
    form: "a URI reference such as /orders or https://shop.example, a pattern of some, or an expression",
    isOne: (text: string) => REFERENCE.test(text) || (isPattern(text) && !text.includes("${")),
  },
  dataschema: {
    form: "an absolute URI such as https://shop.example, a pattern of some, or an expression",
    isOne: (text: string) => ABSOLUTE.test(text),
  },
} as const;

/**
 * As the schema has them, but for a relative `source`, which CloudEvents allows; it is not asked in loose mode, where a text may be an
 * expression.
 */
function checkAttributeKinds(attributes: JsonObject, pointer: string, { report, loose }: Scope): void {
  const wrong = (name: string, form: string) =>
    report.issue(pointerOf(pointer, name), `\`${name}\` must be ${form}, not ${kindOf(attributes[name])}`);
  for (const name of TEXTS) {
    if (attributes[name] !== undefined && typeof attributes[name] !== "string") wrong(name, "a text");
  }
  for (const [name, { form, isOne }] of loose ? [] : Object.entries(URIS)) {
    const value = attributes[name];
    if (value === undefined) continue;
    if (typeof value === "string" && (isOne(value) || expressionOf(value) !== undefined)) continue;
    wrong(name, form);
  }
}

/** Attributes of events are lower-case letters and digits, whatever the schema lets pass. */
export function checkAttributeNames(attributes: JsonObject, pointer: string, report: Report): void {
  for (const name of Object.keys(attributes)) {
    if (isAttributeName(name) || name === "data_base64") continue;
    report.issue(
      pointerOf(pointer, name),
      `"${name}" is no attribute of an event: their names consist of lower-case letters and digits; all else belongs in \`data\``,
    );
  }
}
