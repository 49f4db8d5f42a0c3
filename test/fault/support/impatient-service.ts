import { runProcess } from "../../../src/compose/process.ts";
import { ALL_ROLES } from "../../../src/compose/start-service.ts";

/** Everything in one process, which waits less long for its event loop, so that a test need not wait either. */
await runProcess(ALL_ROLES, { stallLimitMs: 3_000 });
