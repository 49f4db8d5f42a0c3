import { LRUCache } from "lru-cache";
import { QuotaError } from "../errors.ts";
import type { QuotaStore } from "../ports/quotas.ts";
import type { TenantId } from "../values/ids.ts";
import { oneAtATime } from "./one-at-a-time.ts";

/** What a tenant may have; 0 = no limit. */
export interface TenantLimits {
  readonly openExecutions: number;
  readonly startsPerSecond: number;
}

/** Runs a start of a tenant. `exempt` is asked when a limit is reached: whether it opens nothing more. @throws {QuotaError} */
export type Admission = <Result>(
  tenant: TenantId,
  exempt: () => Promise<boolean>,
  start: () => Promise<Result>,
) => Promise<Result>;

const TENANTS_KEPT = 10_000;
/** A count serves for so long while it is far from the limit: other processes start too. */
const COUNTED_FOR_MS = 1_000;
const NEAR = 0.9;

/** What this process knows of one tenant. */
interface Known {
  open: number;
  /** Of `performance.now()`. */
  countedAt: number;
  readonly starting: Set<Promise<unknown>>;
  readonly inTurn: ReturnType<typeof oneAtATime>;
}

/**
 * The store counts, so that limits hold over all processes and no crash leaves a count behind. Far from a limit of open executions one count
 * serves for a second; in its last tenth starts of this process are counted and made one after another. So n processes
 * together may pass it by n - 1, or by what they start within a second if they come from afar.
 */
export function createAdmission(store: QuotaStore, limits: TenantLimits): Admission {
  const tenants = new LRUCache<TenantId, Known>({ max: TENANTS_KEPT });
  const most = limits.openExecutions;

  function knownOf(tenant: TenantId): Known {
    const known = tenants.get(tenant) ?? {
      ...{ open: 0, countedAt: Number.NEGATIVE_INFINITY },
      ...{ starting: new Set<Promise<unknown>>(), inTurn: oneAtATime() },
    };
    tenants.set(tenant, known);
    return known;
  }

  function isFar({ open, countedAt }: Known): boolean {
    return performance.now() - countedAt < COUNTED_FOR_MS && open < most * NEAR;
  }

  function begin<Result>(known: Known, start: () => Promise<Result>): Promise<Result> {
    known.open += 1;
    const starting = start();
    const over: Promise<unknown> = starting.catch(() => undefined).then(() => known.starting.delete(over));
    known.starting.add(over);
    return starting;
  }

  /** Gives the start that was begun, or the reason why not. */
  async function counted<Result>(tenant: TenantId, known: Known, start: () => Promise<Result>) {
    if (isFar(known)) return { started: begin(known, start) };
    await Promise.all(known.starting);
    known.open = await store.countOpen(tenant, most);
    known.countedAt = performance.now();
    if (known.open < most) {
      const started = begin(known, start);
      if (!isFar(known)) await Promise.allSettled([started]);
      return { started };
    }
    return new QuotaError(
      "DURABULL_TOO_MANY_OPEN_EXECUTIONS",
      `tenant "${tenant}" has as many open executions as TENANT_MAX_OPEN_EXECUTIONS=${most} allows`,
    );
  }

  async function tooManyStarts(tenant: TenantId): Promise<QuotaError | undefined> {
    if (limits.startsPerSecond === 0) return undefined;
    const waitMs = await store.takeStart(tenant, limits.startsPerSecond);
    if (waitMs === 0) return undefined;
    return new QuotaError(
      "DURABULL_TOO_MANY_STARTS",
      `tenant "${tenant}" starts more executions than TENANT_MAX_STARTS_PER_SECOND=${limits.startsPerSecond} allows; the next in ${waitMs} ms`,
    );
  }

  return async (tenant, exempt, start) => {
    const refusal = await tooManyStarts(tenant);
    if (refusal !== undefined) {
      if (await exempt()) return start();
      throw refusal;
    }
    if (most === 0) return start();
    const known = knownOf(tenant);
    if (isFar(known)) return begin(known, start);
    const result = await known.inTurn(() => counted(tenant, known, start));
    if (!(result instanceof QuotaError)) return result.started;
    if (await exempt()) return start();
    throw result;
  };
}
