import type { TenantId } from "../values/ids.ts";
import type { JsonObject } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";

/** Where something outside of a definition is. */
export interface ResourceLocation {
  /** http, https, file, or of the service's own catalog. */
  readonly uri: string;
  /** The authentication policy, evaluated. */
  readonly authentication?: JsonObject | undefined;
}

export type ResourceResult =
  | { readonly ok: true; readonly content: string }
  | { readonly ok: false; readonly error: Problem };

/** Reaches what definitions refer to, within limits of time, size and place. Throws the signal's reason when that aborts. */
export type FetchResource = (location: ResourceLocation, signal: AbortSignal) => Promise<ResourceResult>;

/** Whose resource it is: pinned for the definition of this digest. */
export interface ResourceOwner {
  readonly tenant: TenantId;
  readonly definition: string;
}
