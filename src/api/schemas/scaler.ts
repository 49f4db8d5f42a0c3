import { z } from "zod";

const count = z.number().int().nonnegative();

export const scalerPath = z.strictObject({
  queue: z.string().max(255).meta({ description: "`events`, `timers`, `tasks` or `tasks-<name>`" }),
});

export const scalerBody = z
  .object({
    queue: z.string(),
    backlog: count.meta({ description: "Jobs that could be taken now: waiting, or delayed and due" }),
    dueTimers: count.meta({ description: "Those of the backlog that are delayed jobs whose time has come" }),
    oldestAgeMs: count.meta({ description: "Since the oldest of the backlog could have been taken, milliseconds" }),
    inFlight: count.meta({
      description: "Jobs that workers have in hand, and activities that the answering process does itself",
    }),
    desiredWorkers: count.meta({ description: "ceil((backlog + inFlight) / SCALER_JOBS_PER_WORKER)" }),
  })
  .meta({ id: "Scaler" });
