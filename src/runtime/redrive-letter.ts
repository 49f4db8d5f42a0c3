import { ConflictError, NotFoundError } from "../errors.ts";
import type { DeadLetter } from "../ports/event-store.ts";
import type { TenantId } from "../values/ids.ts";
import { redrive } from "./dead-letters.ts";

/**
 * Lets what a dead letter stopped go on, once, and wakes it.
 *
 * @param isRepeat the same request may have redriven it before: then that is its answer.
 * @throws {NotFoundError} for an unknown letter.
 * @throws {ConflictError} when it was redriven before, or what it stopped cannot go on.
 */
export async function redriveLetter(
  ports: Parameters<typeof redrive>[0],
  tenant: TenantId,
  letterId: string,
  isRepeat = false,
): Promise<DeadLetter> {
  const unparked = await redrive(ports, tenant, letterId);
  switch (unparked.result) {
    case "redriven":
      return unparked.letter;
    case "unknown":
      throw new NotFoundError("dead letter", letterId);
    case "already-redriven": {
      const letter = isRepeat ? await ports.events.letter(tenant, letterId) : null;
      if (letter !== null) return letter;
      throw new ConflictError("DURABULL_LETTER_ALREADY_REDRIVEN", `dead letter ${letterId} was redriven before`);
    }
    case "workflow-id-taken":
      throw new ConflictError(
        "DURABULL_WORKFLOW_ID_TAKEN",
        `the execution of dead letter ${letterId} cannot be reopened while another one of its workflow ID is open`,
      );
    case "history-full":
      throw new ConflictError(
        "DURABULL_HISTORY_FULL",
        `the execution of dead letter ${letterId} has as many events as HISTORY_MAX_EVENTS=${ports.historyEvents} allows; it can go on with a higher limit`,
      );
    case "ended":
      throw new ConflictError("DURABULL_EXECUTION_ENDED", `the execution of dead letter ${letterId} has ended`);
  }
}
