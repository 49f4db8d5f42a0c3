import type { JsonObject } from "../values/json.ts";
import type { Problem } from "../values/problem.ts";

/** `$authorization`. A digest has no parameter before the server's challenge. */
export interface Authorization {
  readonly scheme: string;
  readonly parameter: string | null;
}

/** What a call's evaluated authentication policy amounts to. Asked where activities run; nothing of it is recorded. */
export interface Authenticator {
  /** Asks the authority for a token where the policy needs one. Throws the signal's reason when that aborts. */
  authorization(
    policy: JsonObject,
    signal: AbortSignal,
  ): Promise<
    { readonly ok: true; readonly authorization: Authorization } | { readonly ok: false; readonly error: Problem }
  >;
  /** Passwords and tokens of the policy, and those that were got with it: what no result, error or log may show. */
  credentials(policy: JsonObject): readonly string[];
}
