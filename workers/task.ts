import { runProcess } from "../src/compose/process.ts";

/** Takes activities: HTTP calls, and the TypeScript functions of `FUNCTIONS`. */
await runProcess(["task"]);
