import {
  compileExpression,
  type EvaluationTime,
  type ExpressionArguments,
  ExpressionError,
} from "../../expressions/index.ts";
import { fixedDurationMs, parseDuration } from "../../values/durations.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { pointerOf } from "../../values/task-reference.ts";
import { authenticationAt } from "../authentication.ts";
import { anyObjectOf, choiceOf, kindOf, objectOf, textOf } from "../fields.ts";
import { durationAt, programAt, templateAt } from "../programs.ts";
import { placeIn, type Scope, type TaskPlace } from "../scope.ts";
import { variablesAt } from "../scopes.ts";
import { conditionOf, expressionOf, renderTemplate } from "../template.ts";
import type { CallServiceTask, Consumption, Template } from "../workflow.ts";
import { foreachAt } from "./foreach.ts";
import { textsFrom } from "./process.ts";
import { checkResource, resourceApart, resourceFrom } from "./resource.ts";

const CALL = {
  what: "the `with` of an AsyncAPI call",
  allowed: ["document", "channel", "operation", "server", "protocol", "message", "subscription", "authentication"],
  required: ["document"],
};
const SERVER = { what: "`server`", allowed: ["name", "variables"], required: ["name"] };
const MESSAGE = { what: "`message`", allowed: ["payload", "headers", "correlationId"] };
const SUBSCRIPTION = { what: "`subscription`", allowed: ["filter", "consume", "foreach"], required: ["consume"] };
const CONSUME = { what: "`consume`", allowed: ["amount", "while", "until", "for"] };
const PROTOCOLS = ["amqp", "http", "kafka", "mqtt", "mqtt5", "redis", "ws"] as const;
const OTHER_PROTOCOLS = [
  ...["amqp", "amqp1", "anypointmq", "googlepubsub", "ibmmq", "jms", "mercure", "nats", "pulsar", "sns"],
  ...["solace", "sqs", "stomp"],
];
/** Each stands for the policy of a subscription; one of them is given. */
const POLICIES = ["amount", "while", "until"];

/** What an AsyncAPI executor is asked to do; everything evaluated but the conditions on messages that are still to come. */
export type AsyncapiArguments = {
  readonly document: { readonly endpoint: string };
  readonly channel?: string;
  readonly operation?: string;
  readonly protocol?: string;
  readonly server?: { readonly name: string; readonly variables: { readonly [name: string]: string } };
  readonly message?: AsyncapiMessage;
  readonly subscription?: Subscription;
};

export type AsyncapiMessage = {
  readonly payload: Json;
  readonly headers: { readonly [name: string]: string };
};

/** Which messages are consumed, and how many. Conditions are jq, as the definition has them, over `variables`. */
export type Subscription = {
  readonly filter?: string;
  readonly amount?: number;
  readonly while?: string;
  readonly until?: string;
  /** How long messages are consumed; absent: as long as it takes. */
  readonly forMs?: number;
  readonly variables: JsonObject;
};

/** Reads the `with` of an AsyncAPI call, at `place`. */
export function readCallAsyncapi(
  given: JsonObject,
  place: TaskPlace,
  scope: Scope,
): Pick<CallServiceTask, "with" | "authentication" | "resourceAuthentication" | "consumes"> {
  const { pointer } = place;
  const { report } = scope;
  const value = objectOf(given, pointer, CALL, report);
  const at = (member: string) => pointerOf(pointer, member);
  if (value.document !== undefined) checkResource(value.document, at("document"), scope);
  for (const member of ["channel", "operation"]) {
    if (value[member] !== undefined) textOf(value[member], at(member), `\`${member}\``, report);
  }
  if (value.channel === undefined && value.operation === undefined) {
    report.issue(pointer, 'the `with` of an AsyncAPI call needs "operation", or "channel"');
  }
  if ((value.message === undefined) === (value.subscription === undefined)) {
    report.issue(pointer, 'the `with` of an AsyncAPI call needs either "message" or "subscription"');
  }
  checkProtocol(value.protocol, at("protocol"), scope);
  if (value.server !== undefined) checkServer(value.server, at("server"), scope);
  if (value.message !== undefined) checkMessage(value.message, at("message"), scope);
  const { subscription, authentication: policy, document, ...rest } = value;
  const authentication = authenticationAt(policy, at("authentication"), "taskDefinition", scope);
  const apart = document === undefined ? undefined : resourceApart(document, at("document"), scope);
  const resourceAuthentication = apart?.authentication ?? null;
  const resource = apart === undefined ? {} : { document: apart.resource };
  const entries = Object.entries({ ...rest, ...resource }).map(
    ([key, member]) => [key, templateAt(member, at(key), "taskDefinition", scope, true)] as const,
  );
  const subscribed =
    subscription === undefined ? null : subscriptionAt(subscription, placeIn(place, "subscription"), scope);
  return {
    with: {
      kind: "object",
      entries: [...entries, ...(subscribed === null ? [] : [["subscription", subscribed.with] as const])],
    },
    authentication,
    resourceAuthentication,
    consumes: subscribed?.consumes ?? null,
  };
}

function checkProtocol(value: Json | undefined, pointer: string, { report }: Scope): void {
  if (typeof value === "string" && OTHER_PROTOCOLS.includes(value)) {
    report.unsupported(pointer, `AsyncAPI over ${value} (it speaks ${PROTOCOLS.join(", ")})`);
    return;
  }
  choiceOf(value, pointer, "`protocol`", PROTOCOLS, report);
}

function checkServer(value: Json, pointer: string, { report }: Scope): void {
  const { name, variables } = objectOf(value, pointer, SERVER, report);
  if (name !== undefined) textOf(name, `${pointer}/name`, "`name`", report);
  if (variables !== undefined) anyObjectOf(variables, `${pointer}/variables`, "`variables`", report);
}

function checkMessage(value: Json, pointer: string, { report }: Scope): void {
  const { payload, headers, correlationId } = objectOf(value, pointer, MESSAGE, report);
  if (payload !== undefined) anyObjectOf(payload, `${pointer}/payload`, "`payload`", report);
  if (headers !== undefined) anyObjectOf(headers, `${pointer}/headers`, "`headers`", report);
  if (correlationId !== undefined) {
    report.issue(
      `${pointer}/correlationId`,
      "a message that is published has its correlation ID in payload or headers",
    );
  }
}

/**
 * The filter stays text: it is evaluated for each message, by the executor, on the variables it reads. So do the other conditions, unless
 * each message is worked on: then the engine judges them.
 */
function subscriptionAt(
  value: Json,
  place: TaskPlace,
  scope: Scope,
): { readonly with: Template; readonly consumes: Consumption | null } {
  const { report } = scope;
  const { pointer } = place;
  const { filter, consume, foreach } = objectOf(value, pointer, SUBSCRIPTION, report);
  const at = `${pointer}/consume`;
  const policy = consume === undefined ? {} : objectOf(consume, at, CONSUME, report);
  const given = POLICIES.filter((name) => policy[name] !== undefined);
  if (consume !== undefined && given.length !== 1) report.issue(at, "`consume` needs one of amount, while, until");
  const { amount } = policy;
  if (amount !== undefined && (typeof amount !== "number" || !Number.isInteger(amount) || amount < 1)) {
    report.issue(`${at}/amount`, `\`amount\` must be a whole number from 1, not ${kindOf(amount)}`);
  }
  if (policy.for !== undefined) durationAt(policy.for, `${at}/for`, "taskDefinition", scope);
  const [passes, goesOn, isDone] = [
    conditionAt("filter", filter, `${pointer}/filter`, scope),
    conditionAt("while", policy.while, `${at}/while`, scope),
    conditionAt("until", policy.until, `${at}/until`, scope),
  ];
  const consumes =
    foreach === undefined
      ? null
      : {
          foreach: foreachAt(foreach, placeIn(place, "foreach"), scope),
          amount: typeof amount === "number" ? amount : null,
          while: goesOn?.program ?? null,
          until: isDone?.program ?? null,
        };
  const conditions = (consumes === null ? [passes, goesOn, isDone] : [passes]).filter((each) => each !== null);
  const read = new Set(conditions.flatMap(({ program }) => program.reads));
  const entries = [
    ...conditions.map(({ name, text }) => [name, literal(text)] as const),
    ...(amount === undefined ? [] : [["amount", literal(amount)] as const]),
    ...(policy.for === undefined
      ? []
      : [["for", templateAt(policy.for, `${at}/for`, "taskDefinition", scope)] as const]),
    ["variables", variablesOf([...read], scope)] as const,
  ];
  return { with: { kind: "object", entries }, consumes };
}

function literal(value: Json): Template {
  return { kind: "literal", value };
}

function conditionAt(name: string, text: Json | undefined, pointer: string, scope: Scope) {
  if (text === undefined) return null;
  // The schema wants it, though the specification leaves it out of conditions elsewhere.
  if (typeof text === "string" && expressionOf(text) === undefined)
    scope.report.issue(pointer, "must be one expression: ${ … }");
  const program = programAt(text, pointer, "taskDefinition", scope);
  return { name, program, text: typeof text === "string" ? conditionOf(text).trim() : "" };
}

/** The values of the variables that conditions read, as they are when the subscription is asked for. */
function variablesOf(names: readonly string[], scope: Scope): Template {
  const known = variablesAt("taskDefinition", scope.enclosing);
  const entries = names
    .filter((name) => name !== "secrets" && known.includes(name))
    .map((name): readonly [string, Template] => [
      name,
      { kind: "expression", program: compileExpression(`$${name}`, known) },
    ]);
  return { kind: "object", entries };
}

/**
 * Evaluates the `with` of an AsyncAPI call.
 * @throws {ExpressionError} when an expression fails, or gives what such a call cannot use.
 */
export function renderCallAsyncapi(
  template: Template,
  input: Json,
  args: ExpressionArguments,
  time: EvaluationTime,
): AsyncapiArguments {
  const value = renderTemplate(template, input, args, time);
  const { channel, operation, protocol, server, message, subscription } = isJsonObject(value) ? value : {};
  const text = (name: string, member: Json | undefined) => {
    if (member === undefined) return {};
    if (typeof member === "string") return { [name]: member };
    throw new ExpressionError(`\`${name}\` gave ${kindOf(member)} instead of text`);
  };
  return {
    document: resourceFrom(template, "document", input, args, time),
    ...text("channel", channel),
    ...text("operation", operation),
    ...text("protocol", protocol),
    ...(isJsonObject(server)
      ? { server: { name: String(server.name), variables: textsFrom("variables", server.variables) } }
      : {}),
    ...(isJsonObject(message)
      ? { message: { payload: message.payload ?? null, headers: textsFrom("headers", message.headers) } }
      : {}),
    ...(isJsonObject(subscription) ? { subscription: subscriptionFrom(subscription) } : {}),
  };
}

function subscriptionFrom({ for: period, ...given }: JsonObject): Subscription {
  if (period === undefined) return given as Subscription;
  const duration = parseDuration(period);
  const forMs = duration === undefined ? undefined : fixedDurationMs(duration);
  if (forMs === undefined)
    throw new ExpressionError(`\`for\` gave ${kindOf(period)}, which is no duration of a known length`);
  return { ...given, forMs } as Subscription;
}
