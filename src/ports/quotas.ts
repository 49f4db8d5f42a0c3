import type { TenantId } from "../values/ids.ts";

/** The part of the event store that counts for a tenant, over all processes. */
export interface QuotaStore {
  /** Open executions of a tenant, by what is open: nothing can leak. Counting may end at `atMost`. */
  countOpen(tenant: TenantId, atMost: number): Promise<number>;
  /**
   * Takes a place among the starts of a tenant: `perSecond` at once, and as many a second on average.
   * @returns 0 when it was taken, else milliseconds until the next is free.
   */
  takeStart(tenant: TenantId, perSecond: number): Promise<number>;
}
