import type { Database } from "../ports/database.ts";
import type { EventStore, ExecutionHead } from "../ports/event-store.ts";
import type { Notices } from "../ports/notices.ts";
import type { ExecutionId } from "../values/ids.ts";
import type { ExecutionStatus } from "../values/status.ts";

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

/** A port with some operations put around its own. */
function instead<Port extends object>(port: Port, operations: Partial<Port>): Port {
  const members = new Map<PropertyKey, unknown>(Object.entries(operations));
  return new Proxy(port, {
    get(target, name) {
      if (members.has(name)) return members.get(name);
      const member: unknown = Reflect.get(target, name, target);
      const bound: unknown = typeof member === "function" ? member.bind(target) : member;
      members.set(name, bound);
      return bound;
    },
  });
}
