import type { Database } from "../ports/database.ts";
import type { EventStore, ExecutionHead } from "../ports/event-store.ts";
import type { Notices } from "../ports/notices.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { ExecutionStatus } from "../values/status.ts";
import { instead } from "./instead.ts";

/** The event store; whatever moves a history is told, after the store has acknowledged it. Nothing waits for that, and nothing fails by it. */
export function noticingEvents(events: EventStore, notices: Pick<Notices, "tell">): EventStore {
  const moved = ({ executionId, version, status }: Pick<ExecutionHead, "executionId" | "version" | "status">) =>
    notices.tell({ kind: "execution", executionId, version, status });
  const ended = (executionId: ExecutionId, status: ExecutionStatus) => moved({ executionId, version: 0, status });
  return instead(events, {
    async start(command) {
      const started = await events.start(command);
      if (started.result === "created") moved(started.head);
      if (started.result === "created" && started.terminated !== null) ended(started.terminated, "CANCELLED");
      return started;
    },
    async commit(executionId, commit) {
      const committed = await events.commit(executionId, commit);
      if (committed.result === "committed") moved(committed.head);
      return committed;
    },
  });
}

/** The database; that the lists have changed is told likewise. */
export function noticingDatabase(database: Database, notices: Pick<Notices, "tell">): Database {
  return instead(database, {
    async project(summary) {
      await database.project(summary);
      notices.tell({ kind: "changes", tenant: summary.tenant });
    },
    async publishEvents(tenant, channel, events, keep) {
      const end = await database.publishEvents(tenant, channel, events, keep);
      notices.tell({ kind: "events", tenant });
      return end;
    },
  });
}
