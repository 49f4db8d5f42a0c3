export type { ProblemBody } from "../api/schemas/common.ts";
export type { LetterBody } from "../api/schemas/dead-letters.ts";
export type { CheckedBody, DefinitionBody, DefinitionSummary, RegisteredBody } from "../api/schemas/definitions.ts";
export type {
  CloudEvent,
  ExecutionBody,
  ExecutionSummaryBody,
  StartedBody,
  TaskBody,
} from "../api/schemas/executions.ts";
export type { Json, JsonObject } from "../values/json.ts";
export {
  type ClientOptions,
  DurabullClient,
  type ExecutionListOptions,
  type HistoryOptions,
  type ListOf,
  type PageOptions,
  type StartOptions,
  type Waiting,
} from "./client.ts";
export { ApiError, ServiceUnreachableError } from "./errors.ts";
