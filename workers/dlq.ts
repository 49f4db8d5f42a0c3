import { runProcess } from "../src/compose/process.ts";

/** Holds dead letters, and redrives what an operator retries in Bull Board. */
await runProcess(["dlq"]);
