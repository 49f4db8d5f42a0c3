import { z } from "zod";
import { WAIT_KINDS } from "../../runtime/waiting-for.ts";
import { isChangePosition } from "../../values/change-position.ts";
import { isWorkflowId } from "../../values/ids.ts";
import { isJsonObject } from "../../values/json.ts";
import { EXECUTION_STATUSES, TASK_STATUSES } from "../../values/status.ts";
import {
  cursor,
  flag,
  jsonObject,
  jsonValue,
  limit,
  listOf,
  moment,
  nameText,
  oneOrMore,
  problemDetails,
  timestamp,
  wait,
} from "./common.ts";
import { definitionReference } from "./definitions.ts";

const LABEL_KEY = /^[a-z0-9._/-]{1,63}$/;
const MAX_LABELS = 32;
const labelKey = z.string().regex(LABEL_KEY, "a label's key is 1 to 63 of a-z 0-9 . _ / -");
const labelValue = z.string().max(255, "a label's value has at most 255 characters");
/** Records leave a key of this name out without a word. */
const isNamedPlainly = (value: unknown) => !(isJsonObject(value) && Object.hasOwn(value, "__proto__"));
const labels = z
  .custom<Readonly<Record<string, string>>>(isNamedPlainly, 'a label may not be named "__proto__"')
  .meta({ type: "object", additionalProperties: { type: "string", maxLength: 255 } })
  .pipe(
    z
      .record(labelKey, labelValue)
      .refine((given) => Object.keys(given).length <= MAX_LABELS, `at most ${MAX_LABELS} labels`),
  );

export const workflowId = z
  .string()
  .refine(isWorkflowId, "a workflow ID is 1 to 255 printable characters")
  .meta({ minLength: 1, maxLength: 255 });
export const executionId = z.string().min(1).max(80);

export const startBody = z
  .strictObject({
    definition: z
      .strictObject({
        namespace: nameText(63),
        name: nameText(63),
        version: nameText(255).exactOptional().meta({ description: "Absent, or `latest`: the newest" }),
      })
      .exactOptional(),
    document: z
      .union([jsonObject, z.string().min(1)], "expected a definition: an object, or YAML as text")
      .exactOptional()
      .meta({ description: "A definition that is run without being registered, as an object or as YAML text" }),
    workflowId: workflowId.exactOptional(),
    input: jsonValue.exactOptional(),
    labels: labels.exactOptional(),
    onOpen: z
      .enum(["reject", "use-existing", "terminate"])
      .default("reject")
      .meta({ description: "When the workflow ID has an open execution" }),
    reuse: z
      .enum(["always", "failed-only", "never"])
      .default("always")
      .meta({ description: "When the workflow ID had an execution that ended" }),
  })
  .refine(({ definition, document }) => (definition === undefined) !== (document === undefined), {
    message: 'exactly one of "definition" and "document" is required',
  });
export const startQuery = z.strictObject({ wait, allowUnknown: flag });
export const executionPath = z.strictObject({ executionId });
export const executionQuery = z.strictObject({ wait });
export const workflowPath = z.strictObject({ workflowId });
export const actionBody = z.strictObject({ reason: z.string().max(1_000).exactOptional() }).nullish();

export const executionListQuery = z.strictObject({
  status: oneOrMore
    .transform((texts) => texts.flatMap((text) => text.split(",")))
    .pipe(z.array(z.enum(EXECUTION_STATUSES, `expected one of ${EXECUTION_STATUSES.join(", ")}`)))
    .exactOptional(),
  namespace: nameText(63).exactOptional(),
  name: nameText(63).exactOptional(),
  workflowId: workflowId.exactOptional(),
  label: oneOrMore
    .transform((texts, context) => {
      const pairs = texts.map((text) => {
        const [key = "", ...value] = text.split(":");
        return [value.length === 0 ? "" : key, value.join(":")] as const;
      });
      if (pairs.some(([key]) => !LABEL_KEY.test(key))) {
        context.addIssue({ code: "custom", message: "expected key:value" });
      }
      return Object.fromEntries(pairs);
    })
    .exactOptional()
    .meta({ description: "key:value; repeated: all must hold" }),
  startedAfter: moment,
  startedBefore: moment,
  endedAfter: moment,
  endedBefore: moment,
  limit,
  cursor,
});

/** As the list, without its pages. */
export const changesQuery = executionListQuery.omit({ limit: true, cursor: true }).extend({
  after: z
    .string()
    .refine(isChangePosition, "expected a position that this stream gave")
    .exactOptional()
    .meta({ description: "As Last-Event-ID, for a first connection" }),
});
const sequence = z.coerce
  .number("expected a sequence number")
  .int("expected a sequence number")
  .nonnegative("expected 0 or more");
export const streamQuery = z.strictObject({
  after: sequence.exactOptional().meta({ description: "As Last-Event-ID, for a first connection" }),
});
export const stateQuery = z.strictObject({
  at: sequence
    .min(1, "events are counted from 1")
    .exactOptional()
    .meta({ description: "Sequence of an event; absent: the last" }),
});

export const historyQuery = z.strictObject({
  after: sequence
    .exactOptional()
    .meta({ description: "Sequence after which the page begins (with order=desc: before which)" }),
  order: z.enum(["asc", "desc"]).exactOptional(),
  limit,
  cursor,
});

const waitReason = z
  .object({
    kind: z.enum(WAIT_KINDS),
    task: z.string().exactOptional(),
    since: timestamp,
    until: timestamp.exactOptional(),
    listensFor: z
      .object({
        strategy: z.enum(["one", "all", "any"]),
        types: z.array(z.string()).readonly().meta({ description: "As the definition has them; * for any type" }),
        until: z.array(z.string()).readonly().exactOptional().meta({ description: "Types of the events that end it" }),
        heard: z.number().int().exactOptional().meta({ description: "How many events it has taken" }),
      })
      .exactOptional()
      .meta({ description: "Of `listening`" }),
    detail: z.string(),
  })
  .meta({ id: "WaitReason" });

export const executionBody = z
  .object({
    executionId: z.string(),
    workflowId: z.string(),
    tenant: z.string(),
    definition: definitionReference,
    parent: z
      .object({ executionId: z.string(), workflowId: z.string() })
      .exactOptional()
      .meta({ description: "The execution whose `run` task started it" }),
    status: z.enum(EXECUTION_STATUSES),
    input: jsonValue,
    output: jsonValue.exactOptional(),
    error: problemDetails.exactOptional(),
    labels: z.record(z.string(), z.string()).readonly(),
    startedAt: timestamp,
    endedAt: timestamp.exactOptional(),
    historyLength: z.number().int(),
    waitingFor: z.array(waitReason).readonly().meta({ description: "Why it is not moving; empty once it has ended" }),
  })
  .meta({ id: "Execution" });
export type ExecutionBody = z.output<typeof executionBody>;

export const startedBody = executionBody.extend({ created: z.boolean() }).meta({ id: "StartedExecution" });
export type StartedBody = z.output<typeof startedBody>;

const executionSummary = z
  .object({
    executionId: z.string(),
    workflowId: z.string(),
    tenant: z.string(),
    definition: definitionReference,
    status: z.enum(EXECUTION_STATUSES),
    labels: z.record(z.string(), z.string()).readonly(),
    startedAt: timestamp,
    endedAt: timestamp.exactOptional(),
    historyLength: z.number().int(),
  })
  .meta({ id: "ExecutionSummary" });
export type ExecutionSummaryBody = z.output<typeof executionSummary>;
export const executionList = listOf(executionSummary);

export const cloudEventBody = z
  .object({
    specversion: z.literal("1.0"),
    id: z.string(),
    source: z.string(),
    type: z.string(),
    subject: z.string().exactOptional(),
    time: timestamp,
    datacontenttype: z.literal("application/json"),
    tenantid: z.string(),
    workflowid: z.string(),
    executionid: z.string(),
    sequence: z.number().int(),
    data: z.unknown(),
  })
  .meta({ id: "CloudEvent", description: "CloudEvents 1.0, JSON format" });
export type CloudEvent = z.output<typeof cloudEventBody>;
export const eventList = listOf(cloudEventBody);

const taskBody = z
  .object({
    task: z.string().meta({ description: "JSON pointer in the definition" }),
    name: z.string(),
    type: z.string(),
    status: z.enum(TASK_STATUSES),
    attempt: z.number().int(),
    iteration: z.number().int().exactOptional(),
    input: jsonValue.exactOptional(),
    output: jsonValue.exactOptional(),
    error: problemDetails.exactOptional(),
    startedAt: timestamp,
    endedAt: timestamp.exactOptional(),
  })
  .meta({ id: "TaskRun" });
export type TaskBody = z.output<typeof taskBody>;
export const taskList = listOf(taskBody);

const openTask = z
  .object({
    task: z.string().meta({ description: "JSON pointer in the definition" }),
    name: z.string(),
    status: z.enum(TASK_STATUSES),
    input: jsonValue,
    attempt: z.number().int().exactOptional(),
    iteration: z.number().int().exactOptional(),
    startedAt: timestamp,
    until: timestamp.exactOptional().meta({ description: "When its wait ends, or its next try begins" }),
  })
  .meta({ id: "OpenTask" });
export const stateBody = z
  .object({
    executionId: z.string(),
    workflowId: z.string(),
    tenant: z.string(),
    definition: definitionReference,
    at: z.number().int().meta({ description: "Sequence of the event after which it was like this" }),
    time: timestamp,
    historyLength: z.number().int(),
    status: z.enum(EXECUTION_STATUSES),
    input: jsonValue,
    context: jsonValue,
    tasks: z.array(openTask).readonly().meta({ description: "Begun and not ended" }),
    output: jsonValue.exactOptional(),
    error: problemDetails.exactOptional(),
  })
  .meta({ id: "ExecutionState" });
export type StateBody = z.output<typeof stateBody>;
