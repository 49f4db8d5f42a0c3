import type { HistoryEvent } from "../engine/events.ts";
import { type ExecutionState, filtersOf, hearsAll, owed } from "../engine/index.ts";
import type { OwedWork } from "../engine/owed-work.ts";
import type { ExecutionHead } from "../ports/event-store.ts";
import type { ExecutionId } from "../values/ids.ts";
import { placesOf } from "./event-index.ts";
import type { Ports } from "./ports.ts";

type Listener = Pick<ExecutionHead, "executionId" | "tenant" | "workflowId">;

export function subscriptionId(executionId: ExecutionId, name: number): string {
  return `${executionId}.${name}`;
}

/** Enters what is owed and was asked after `settled`; repeatable. */
export async function subscribeOwed(
  ports: Ports,
  head: ExecutionHead,
  settled: number,
  state: ExecutionState,
  events: readonly HistoryEvent[],
): Promise<void> {
  for (const { kind, name } of owed(state)) {
    if (kind !== "subscription" || name <= settled) continue;
    const event = events.find(({ sequence }) => sequence === name);
    await subscribe(ports, head, name, event);
  }
}

/**
 * Enters a subscription into the index, then looks at what was published since it was decided: before that nobody could find it.
 * @param event the `event.subscribed`, when it is at hand.
 */
export async function subscribe(ports: Ports, listener: Listener, name: number, event?: HistoryEvent): Promise<void> {
  const { tenant, executionId, workflowId } = listener;
  const asked = event ?? (await ports.events.history(executionId, { after: name - 1, limit: 1, order: "asc" }))?.[0];
  const [head] = await ports.events.heads([executionId]);
  if (!head || asked?.type !== "event.subscribed") {
    throw new Error(`event ${name} of ${executionId} asks for no subscription`);
  }
  const workflow = await ports.definitions.get(tenant, head.definition.digest);
  const task = workflow.byKey.get(asked.data.key);
  if (task?.kind !== "listen") throw new Error(`task "${asked.data.key}" of ${executionId} does not listen`);
  const { from, expected, args = {} } = asked.data;
  const places = placesOf(filtersOf(task), expected, hearsAll(task));
  await ports.failpoints.hit("before-subscribe");
  const id = subscriptionId(executionId, name);
  const stored = await ports.database.subscribe({ id, tenant, executionId, workflowId, name, from, places, args });
  await ports.failpoints.hit("after-subscribe");
  if (stored.from < stored.joined) await ports.delivery.catchUp(tenant, stored);
}

/** Takes out of the index what is not owed any more, and what an event was delivered to though it was not. */
export async function unsubscribeGone(
  ports: Ports,
  head: ExecutionHead,
  removed: readonly OwedWork[],
  heard: readonly number[],
  state: ExecutionState,
): Promise<void> {
  const open = (name: number) => state.phase === "open" && state.subscriptions[name] !== undefined;
  const gone = removed.flatMap(({ kind, name }) => (kind === "subscription" ? [name] : []));
  const names = [...new Set([...gone, ...heard.filter((name) => !open(name))])];
  if (names.length === 0) return;
  const ids = names.map((name) => subscriptionId(head.executionId, name));
  await ports.database.unsubscribe(head.tenant, ids);
}

/** At the end of an execution, however it came: nobody may find it any more. */
export async function stopListening(ports: Ports, { tenant, executionId, definition }: ExecutionHead): Promise<void> {
  const workflow = await ports.definitions.get(tenant, definition.digest).catch(() => undefined);
  if (workflow?.listens !== false) await ports.database.dropSubscriptions(tenant, executionId);
}

/** A look at a subscription: it stands in the index, and hears what it is behind with. True when it was missing. */
export async function lookAtSubscription(ports: Ports, listener: Listener, name: number): Promise<boolean> {
  const { tenant, executionId } = listener;
  const stored = await ports.database.subscription(tenant, subscriptionId(executionId, name));
  if (stored === null) {
    await subscribe(ports, listener, name);
    return true;
  }
  if (stored.from < stored.joined) await ports.delivery.catchUp(tenant, stored);
  return false;
}
