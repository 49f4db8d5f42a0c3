import type { Ports } from "./ports.ts";

/** How far what a process takes for the store's time may be behind it. */
const CLOCK_DOUBT_MS = 100;

type TakeOverPorts = Pick<Ports, "events" | "queues" | "settings" | "log">;

/** Before a process takes anything: jobs that a dead one held are not waited for until their locks lapse. Where it is not told who is there, they are. */
export async function takeOverJobs({ queues, log }: Pick<TakeOverPorts, "queues" | "log">): Promise<void> {
  try {
    const freed = await queues.freeAbandoned();
    if (freed > 0) log.info({ jobs: freed }, "took over the jobs of processes that are gone");
  } catch (error) {
    log.warn({ err: error }, "jobs of processes that are gone wait until their locks lapse");
  }
}

/**
 * And when no other takes wake-ups or activities, whoever claimed work for a short time has died with it, and nobody waits for the leases.
 * One that begins meanwhile claims for longer than what is ended here. Where the server does not tell who is there, leases run out by
 * themselves.
 */
export async function endLeases({ events, queues, settings, log }: TakeOverPorts): Promise<void> {
  try {
    const until = (await events.now()) + settings.localLeaseMs - CLOCK_DOUBT_MS;
    for (const queue of ["events", "tasks"]) if ((await queues.takers(queue)) !== 0) return;
    for (let partition = 0; partition < settings.partitions; partition++) await events.endLeases(partition, until);
  } catch (error) {
    log.warn({ err: error }, "leases of processes that are gone run out by themselves");
  }
}
