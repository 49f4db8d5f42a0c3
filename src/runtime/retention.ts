import type { ExpiredExecution } from "../ports/retention.ts";
import type { TenantId } from "../values/ids.ts";
import type { Ports } from "./ports.ts";

/** Executions removed from a partition in one round: some milliseconds of the store's time. */
const BATCH = 200;
/** Documents of a tenant looked at together. */
const DOCUMENTS = 100;
/** A request resolves its definition before it starts an execution: no request takes as long as this. */
const DOCUMENT_IDLE_MS = 24 * 3_600_000;

type RetentionPorts = Pick<Ports, "events" | "database" | "queues" | "log" | "metrics" | "settings">;

export interface Retention {
  /** Removes some of what a partition has kept long enough. */
  round(partition: number): Promise<void>;
  /** Removes documents that are idle and that no execution names. */
  dropDocuments(): Promise<void>;
}

/**
 * Forgets what has ended long ago. The log goes first, in one step; what the store keeps of it until the lists and queues have
 * forgotten it too is given again in the next round, so that a crash or an absent database leaves nothing behind.
 */
export function createRetention(ports: RetentionPorts, documentIdleMs = DOCUMENT_IDLE_MS): Retention {
  const { events, database, settings } = ports;
  const isOn = Number.isFinite(settings.retention.closedForMs);
  return {
    async round(partition) {
      if (!isOn) return;
      const expired = await events.expire(partition, settings.retention, BATCH);
      if (expired.length === 0) return;
      await forgetLetters(ports, expired);
      await database.forget(expired);
      await events.forgotten(
        partition,
        expired.map(({ executionId }) => executionId),
      );
      ports.metrics.expired(expired.length);
    },

    async dropDocuments() {
      if (!isOn) return;
      for (const tenant of await database.tenants()) await dropDocumentsOf(ports, tenant, documentIdleMs);
    },
  };
}

/** Letters that nobody had dealt with do not go silently. */
async function forgetLetters({ queues, log }: RetentionPorts, expired: readonly ExpiredExecution[]): Promise<void> {
  for (const { tenant, workflowId, executionId, letters } of expired) {
    for (const { id, open } of letters) {
      await queues.removeDeadLetter(id);
      if (open)
        log.warn({ tenant, workflowId, executionId, letter: id }, "a dead letter nobody dealt with has expired");
    }
  }
}

async function dropDocumentsOf(
  { events, database, log }: RetentionPorts,
  tenant: TenantId,
  idleMs: number,
): Promise<void> {
  for (let offset = 0; ; ) {
    const digests = await database.idleDocuments(tenant, idleMs, DOCUMENTS, offset);
    const named = await events.areNamed(tenant, digests);
    const unused = digests.filter((_, i) => named[i] === false);
    for (const digest of unused) {
      if (await database.dropDocument(tenant, digest, idleMs)) log.info({ tenant, digest }, "document dropped");
    }
    if (digests.length < DOCUMENTS) return;
    offset += digests.length - unused.length;
  }
}
