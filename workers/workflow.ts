import { runProcess } from "../src/compose/process.ts";

/** Takes wake-ups and timers, and looks after what is late. */
await runProcess(["workflow"]);
