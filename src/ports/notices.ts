import type { ExecutionId, TenantId } from "../values/ids.ts";
import type { ExecutionStatus } from "../values/status.ts";

/**
 * Hints between processes that something was written. Never the truth: one may come late, twice or not at all, so whoever hears one
 * reads the store, and looks there by itself from time to time. Losing all of them costs time and nothing else.
 */
export interface Notices {
  /**
   * To be told after the store has acknowledged the write. Returns at once and never throws. Of several about one subject within a
   * moment, the latest is told.
   */
  tell(notice: Notice): void;
  /** Hears the notices of all processes, this one's included, until the function given back is called. */
  listen(listener: NoticeListener): () => void;
  /** False while those of other processes cannot be heard. */
  connected(): boolean;
  close(): Promise<void>;
}

export type Notice =
  /** Of its history; a version of 0 is one that the teller did not know. */
  | {
      readonly kind: "execution";
      readonly executionId: ExecutionId;
      readonly version: number;
      readonly status: ExecutionStatus;
    }
  /** The tenant's log of status changes has grown. */
  | { readonly kind: "changes"; readonly tenant: TenantId }
  /** Events of the tenant were published. */
  | { readonly kind: "events"; readonly tenant: TenantId };

export interface NoticeListener {
  readonly notice: (notice: Notice) => void;
  /** Notices may have been lost: look at everything. Also at first, once others can be heard. */
  readonly gap: () => void;
}
