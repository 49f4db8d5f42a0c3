import type { Notice, Notices } from "../ports/notices.ts";
import type { TenantId } from "../values/ids.ts";

/** Between two reads without a hint: behind notices, which may get lost; and while none can be heard. */
export const SAFETY_LOOK_MS = 5_000;
export const DEAF_LOOK_MS = 500;

/** That something is to be read for a tenant. */
export interface Hint {
  /** Resolves when a hint came, or else after `ms`: by default as long as may pass without one. */
  come(ms?: number): Promise<void>;
  forget(): void;
}

export interface Hints {
  /** Begins to wait; to be called before the read that follows, so that no hint falls between them. */
  next(tenant: TenantId, signal: AbortSignal): Hint;
  stop(): void;
}

/** Tells those who follow a log of a tenant when to read it: by notices of a kind, and from time to time. */
export function createHints(
  kind: Extract<Notice, { readonly tenant: TenantId }>["kind"],
  notices?: Pick<Notices, "listen" | "connected">,
): Hints {
  const waiting = new Map<TenantId, Set<() => void>>();
  const wake = (tenants: Iterable<TenantId>) => {
    for (const tenant of tenants) for (const go of [...(waiting.get(tenant) ?? [])]) go();
  };
  const stop = notices?.listen({
    notice: (notice) => notice.kind === kind && "tenant" in notice && wake([notice.tenant]),
    gap: () => wake([...waiting.keys()]),
  });

  return {
    next(tenant, signal) {
      const mine = waiting.get(tenant) ?? new Set();
      waiting.set(tenant, mine);
      let go = () => {};
      const hinted = new Promise<void>((resolve) => {
        go = resolve;
      });
      mine.add(go);
      signal.addEventListener("abort", go, { once: true });
      return {
        forget() {
          signal.removeEventListener("abort", go);
          mine.delete(go);
          if (mine.size === 0 && waiting.get(tenant) === mine) waiting.delete(tenant);
        },
        async come(ms = notices?.connected() === true ? SAFETY_LOOK_MS : DEAF_LOOK_MS) {
          const timer = setTimeout(go, ms);
          await hinted;
          clearTimeout(timer);
        },
      };
    },
    stop: () => stop?.(),
  };
}
