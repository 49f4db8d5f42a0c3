import { runProcess } from "./compose/process.ts";
import { startService } from "./compose/start-service.ts";

/** Everything in one process; with the argument `api`, the API and the dashboard alone. */
if (process.argv.slice(2).includes("api")) await runProcess(["api"]);
else await startService();
