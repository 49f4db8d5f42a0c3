import type { Database } from "../ports/database.ts";
import type { TenantId } from "../values/ids.ts";

/** Names remembered; beyond, the database is asked again. */
const REMEMBERED = 10_000;

/** Makes tenants on first use, without asking the database on every use. */
export function tenantMaker(database: Pick<Database, "ensureTenant">): (tenant: TenantId) => Promise<void> {
  const made = new Set<TenantId>();
  return async (tenant) => {
    if (made.has(tenant)) return;
    await database.ensureTenant(tenant);
    if (made.size >= REMEMBERED) made.clear();
    made.add(tenant);
  };
}
