export type { ProblemBody } from "../api/schemas/common.ts";
export type { LetterBody } from "../api/schemas/dead-letters.ts";
export type { CheckedBody, DefinitionBody, DefinitionSummary, RegisteredBody } from "../api/schemas/definitions.ts";
export type { AcceptedBody } from "../api/schemas/events.ts";
export type {
  CloudEvent,
  ExecutionBody,
  ExecutionSummaryBody,
  StartedBody,
  StateBody,
  TaskBody,
} from "../api/schemas/executions.ts";
export type { ScheduleBody, TriggeredBody } from "../api/schemas/schedules.ts";
export type { EventEnvelope } from "../values/cloud-event.ts";
export type { Json, JsonObject } from "../values/json.ts";
export {
  type ClientOptions,
  DurabullClient,
  type ExecutionChange,
  type ExecutionFilterOptions,
  type ExecutionListOptions,
  type HistoryOptions,
  type Keyed,
  type ListOf,
  type PageOptions,
  type PublishedEventMessage,
  type StartOptions,
  type Waiting,
} from "./client.ts";
export { ApiError, ServiceUnreachableError } from "./errors.ts";
export type { StreamOptions } from "./streams.ts";
