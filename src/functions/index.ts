export {
  type DefinedFunction,
  defineFunction,
  type FunctionContext,
  type FunctionDefinition,
  type FunctionLog,
} from "./define-function.ts";
export { loadFunctions } from "./load-functions.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./standard-schema.ts";
export { isWorkflowError, problemOfWorkflowError, WorkflowError, type WorkflowErrorInit } from "./workflow-error.ts";
