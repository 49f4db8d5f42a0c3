export { createTaskWorker, type TaskWorker, type TaskWorkerOptions } from "./compose/task-worker.ts";
export * from "./errors.ts";
export {
  type DefinedFunction,
  defineFunction,
  type FunctionContext,
  type FunctionDefinition,
  type FunctionLog,
  type StandardSchema,
  WorkflowError,
  type WorkflowErrorInit,
} from "./functions/index.ts";
