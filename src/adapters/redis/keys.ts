import { type ExecutionId, type Group, hashOf, type TenantId } from "../../values/ids.ts";
import type { ExecutionStatus } from "../../values/status.ts";

/**
 * Names of all keys. A partition's keys share one hash tag, as do a tenant's lists, so that each script stays in one slot of a
 * cluster. User strings never become part of a key: they are hashed or escaped.
 */
export interface Keys {
  readonly meta: string;
  readonly tenants: string;
  readonly everHeldDefinition: string;
  /** What all keys of a partition begin with; scripts build the rest (see README.md). */
  partition(partition: number): string;
  head(partition: number, executionId: ExecutionId): string;
  log(partition: number, executionId: ExecutionId): string;
  blobs(partition: number, executionId: ExecutionId): string;
  /** Pointer to the group's open execution. */
  group(partition: number, group: Group): string;
  runs(partition: number, group: Group): string;
  letter(partition: number, letterId: string): string;
  openLetters(partition: number): string;
  letters(partition: number, tenant: TenantId): string;
  expired(partition: number): string;
  naming(partition: number): string;
  open(partition: number): string;
  starts(tenant: TenantId): string;
  /** What all keys of a tenant's lists begin with. */
  lists(tenant: TenantId): string;
  document(tenant: TenantId, digest: string): string;
  /** Contents by URI. */
  resources(tenant: TenantId, digest: string): string;
  /** `name` and `definition`: escaped namespace, name and, if any, version. */
  versions(tenant: TenantId, name: string): string;
  names(tenant: TenantId): string;
  execution(tenant: TenantId, executionId: ExecutionId): string;
  executions(tenant: TenantId): string;
  executionsIn(tenant: TenantId, status: ExecutionStatus): string;
  executionsOf(tenant: TenantId, workflowHash: string): string;
  openOf(tenant: TenantId, definition: string): string;
  changes(tenant: TenantId): string;
  /** What an `Idempotency-Key` was used for. */
  use(tenant: TenantId, route: string, key: string): string;
  /** Ends of the log of published events, and how far they are delivered. */
  events(tenant: TenantId): string;
  schedules(tenant: TenantId): string;
  readonly functions: string;
}

/** @param prefix first part of every key; without braces, which would move the hash tag. @throws {RangeError} for such a prefix. */
export function keysOf(prefix: string): Keys {
  if (!/^[^{}\s]+$/.test(prefix))
    throw new RangeError(`"${prefix}" cannot begin a key: it is empty or has braces or spaces`);
  const partition = (number: number) => `${prefix}:{${number}}`;
  const group = (number: number, of: Group) => `${partition(number)}:g:${groupHash(of)}`;
  const head = (number: number, executionId: ExecutionId) => `${partition(number)}:x:${executionId}`;
  const lists = (tenant: TenantId) => `${prefix}:{t.${tenant}}`;
  return {
    meta: `${prefix}:meta`,
    tenants: `${prefix}:tenants`,
    everHeldDefinition: `${prefix}:ever-held-definition`,
    partition,
    head,
    log: (number, executionId) => `${head(number, executionId)}:log`,
    blobs: (number, executionId) => `${head(number, executionId)}:blobs`,
    group,
    runs: (number, of) => `${group(number, of)}:runs`,
    letter: (number, letterId) => `${partition(number)}:letter:${letterId}`,
    openLetters: (number) => `${partition(number)}:letters`,
    letters: (number, tenant) => `${partition(number)}:letters:${tenant}`,
    expired: (number) => `${partition(number)}:expired`,
    naming: (number) => `${partition(number)}:naming`,
    open: (number) => `${partition(number)}:open`,
    starts: (tenant) => `${lists(tenant)}:starts`,
    lists,
    document: (tenant, digest) => `${lists(tenant)}:document:${digest}`,
    resources: (tenant, digest) => `${lists(tenant)}:resources:${digest}`,
    versions: (tenant, name) => `${lists(tenant)}:versions:${name}`,
    names: (tenant) => `${lists(tenant)}:names`,
    execution: (tenant, executionId) => `${lists(tenant)}:execution:${executionId}`,
    executions: (tenant) => `${lists(tenant)}:executions`,
    executionsIn: (tenant, status) => `${lists(tenant)}:status:${status}`,
    executionsOf: (tenant, workflowHash) => `${lists(tenant)}:workflow:${workflowHash}`,
    openOf: (tenant, definition) => `${lists(tenant)}:open:${definition}`,
    changes: (tenant) => `${lists(tenant)}:changes`,
    use: (tenant, route, key) => `${lists(tenant)}:use:${hashOf(route, key).slice(0, 40)}`,
    events: (tenant) => `${lists(tenant)}:events`,
    schedules: (tenant) => `${lists(tenant)}:schedules`,
    functions: `${prefix}:{functions}`,
  };
}

export function groupHash({ tenant, workflowId }: Group): string {
  return hashOf(tenant, workflowId).slice(0, 32);
}
