import { runProcess } from "../../../src/compose/process.ts";

/** All the work of the service in one process, without the API. */
await runProcess(["workflow", "task", "dlq"]);
