import { UnrecoverableError } from "bullmq";
import type { ActivityJob, LetterJob, TimerJob } from "../../ports/queues.ts";
import { type Group, isExecutionId, isTenantId, isWorkflowId } from "../../values/ids.ts";
import { type TraceContext, traceContextOf } from "../../values/trace-context.ts";

/** What a job carries: where to look, never what is true. */
export const SCHEMA = 1;

export interface WakeData extends Group {
  readonly v: typeof SCHEMA;
}
export interface ActivityData extends Omit<ActivityJob, "kind"> {
  readonly v: typeof SCHEMA;
}
export interface TimerData extends Omit<TimerJob, "kind" | "now" | "laterMs"> {
  readonly v: typeof SCHEMA;
}
export interface LetterData extends LetterJob {
  readonly v: typeof SCHEMA;
  /** It has been put under *failed* once, so the next run is an operator's Retry. */
  readonly shown: boolean;
}

export function wakeData({ tenant, workflowId }: Group): WakeData {
  return { v: SCHEMA, tenant, workflowId };
}

export function activityData(job: ActivityJob): ActivityData {
  const { tenant, workflowId, executionId, name, dispatch, queue, trace } = job;
  const more = { ...(queue === undefined ? {} : { queue }), ...(trace === undefined ? {} : { trace }) };
  return { v: SCHEMA, tenant, workflowId, executionId, name, dispatch, ...more };
}

export function timerData({
  tenant,
  workflowId,
  executionId,
  name,
  dispatch,
  fireAt,
  schedule,
}: Omit<TimerJob, "now">): TimerData {
  const more = schedule === undefined ? {} : { schedule: { namespace: schedule.namespace, name: schedule.name } };
  return { v: SCHEMA, tenant, workflowId, executionId, name, dispatch, fireAt, ...more };
}

export function letterData({ id, tenant, executionId, workflowId, kind, message, stack }: LetterJob): LetterData {
  const text = { message: storable(message), stack: stack === null ? null : storable(stack) };
  return { v: SCHEMA, shown: false, id, tenant, executionId, workflowId, kind, ...text };
}

/** PostgreSQL takes neither NUL nor half a surrogate pair in JSON. */
export function storable(text: string): string {
  return text.replaceAll(/\0|\p{Surrogate}/gu, "\ufffd");
}

/** Each parser below throws this, which BullMQ does not retry: a job somebody else wrote, or a build this one does not know. */
export function parseWake(data: unknown): Group {
  const fields = ours(data);
  return { tenant: field(fields, "tenant", isTenant), workflowId: field(fields, "workflowId", isWorkflow) };
}

export function parseActivity(data: unknown): ActivityJob {
  const fields = ours(data);
  const queue = fields.queue === undefined ? {} : { queue: field(fields, "queue", isText) };
  const trace = traceOf(fields.trace);
  return { kind: "activity", ...work(fields), ...queue, ...(trace === undefined ? {} : { trace }) };
}

export function parseTimer(data: unknown): Omit<TimerJob, "now"> {
  const fields = ours(data);
  const schedule = fields.schedule === undefined ? {} : { schedule: field(fields, "schedule", isScheduleName) };
  return { kind: "timer", ...work(fields), fireAt: field(fields, "fireAt", isMoment), ...schedule };
}

export function parseLetter(data: unknown): LetterData {
  const fields = ours(data);
  return {
    v: SCHEMA,
    shown: fields.shown === true,
    id: field(fields, "id", isText),
    tenant: field(fields, "tenant", isTenant),
    executionId: field(fields, "executionId", isExecution),
    workflowId: field(fields, "workflowId", isWorkflow),
    kind: field(fields, "kind", isLetterKind),
    message: field(fields, "message", isAnyText),
    stack: fields.stack === null ? null : field(fields, "stack", isAnyText),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function ours(data: unknown): Fields {
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw refuse("it carries no data object");
  const fields = data as Fields;
  if (fields.v === SCHEMA) return fields;
  if (typeof fields.v === "number") throw refuse(`it is of schema ${fields.v}, this build knows ${SCHEMA}`);
  throw refuse("it has no schema number");
}

function work(fields: Fields) {
  return {
    tenant: field(fields, "tenant", isTenant),
    workflowId: field(fields, "workflowId", isWorkflow),
    executionId: field(fields, "executionId", isExecution),
    name: field(fields, "name", isCount),
    dispatch: field(fields, "dispatch", isCount),
  };
}

function field<T>(fields: Fields, name: string, is: (value: unknown) => value is T): T {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (is(value)) return value;
  throw refuse(`its "${name}" is missing or malformed`);
}

/** Only a hint: what is malformed is left out. */
function traceOf(value: unknown): TraceContext | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { traceparent, tracestate } = value as Fields;
  return traceContextOf(traceparent, tracestate);
}

function refuse(reason: string): UnrecoverableError {
  return new UnrecoverableError(`not a job of Durabull's that this build can run: ${reason}`);
}

const isTenant = (value: unknown): value is string => typeof value === "string" && isTenantId(value);
const isWorkflow = (value: unknown): value is string => typeof value === "string" && isWorkflowId(value);
const isExecution = (value: unknown): value is string => typeof value === "string" && isExecutionId(value);
const isAnyText = (value: unknown): value is string => typeof value === "string";
const isText = (value: unknown): value is string => isAnyText(value) && value !== "";
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isScheduleName = (value: unknown): value is { namespace: string; name: string } =>
  typeof value === "object" && value !== null && ["namespace", "name"].every((key) => isText((value as Fields)[key]));
const isMoment = (value: unknown): value is number => Number.isFinite(value);
const isLetterKind = (value: unknown): value is LetterJob["kind"] =>
  value === "event" || value === "activity" || value === "execution";
