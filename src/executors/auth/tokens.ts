import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Dispatcher } from "undici";
import { type Grant, requestGrant } from "./authority.ts";
import type { OAuthPolicy } from "./policy.ts";

interface Kept extends Grant {
  /** Epoch ms; undefined: until it is refused. */
  readonly usableUntil: number | undefined;
}

const POLICIES_KEPT = 1_000;
const GRANT_TIMEOUT_MS = 30_000;
/** A token is not used in the last part of its life: the request still has to arrive. */
const MARGIN_MS = 10_000;
const MARGIN_SHARE = 0.1;

/**
 * Tokens by policy, in memory only. Calls that need the same one at the same time share one request. What has run out, or was refused,
 * is refreshed with its refresh token if there is one, else asked for anew.
 */
export class Tokens {
  readonly #kept = new LRUCache<string, Kept>({ max: POLICIES_KEPT });
  readonly #asked = new Map<string, Promise<Kept>>();

  constructor(
    private readonly agent: Dispatcher,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * An access token. @param refused one that a service did not take: it is not given again.
   * @throws {ProblemError} as `requestGrant` does; the signal's reason when that aborts.
   */
  async accessToken(policy: OAuthPolicy, signal: AbortSignal, refused?: string): Promise<string> {
    const key = keyOf(policy);
    const kept = this.#kept.get(key);
    const usable = kept !== undefined && (kept.usableUntil === undefined || this.now() < kept.usableUntil);
    if (usable && kept.accessToken !== refused) return kept.accessToken;
    const asked = this.#asked.get(key) ?? this.#ask(key, policy, kept?.refreshToken);
    return (await unlessAborted(asked, signal)).accessToken;
  }

  /** Tokens that are known of a policy. */
  texts(policy: OAuthPolicy): readonly string[] {
    const kept = this.#kept.peek(keyOf(policy));
    return [kept?.accessToken, kept?.refreshToken, kept?.idToken].filter((token) => token !== undefined);
  }

  #ask(key: string, policy: OAuthPolicy, refreshToken: string | undefined): Promise<Kept> {
    const asked = this.#grant(policy, refreshToken)
      .then((grant) => {
        this.#kept.set(key, grant);
        return grant;
      })
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    // Whoever asked is told; there may be nobody left.
    asked.catch(() => {});
    return asked;
  }

  async #grant(policy: OAuthPolicy, refreshToken: string | undefined): Promise<Kept> {
    const askedAt = this.now();
    // Not the caller's signal: others may wait for the same token.
    const limit = AbortSignal.timeout(GRANT_TIMEOUT_MS);
    const refreshed =
      refreshToken === undefined
        ? undefined
        : await requestGrant(this.agent, policy, limit, refreshToken).catch(() => undefined);
    const grant = refreshed ?? (await requestGrant(this.agent, policy, limit));
    return {
      ...grant,
      // An authority that rotates nothing does not repeat the refresh token.
      refreshToken: grant.refreshToken ?? (refreshed === undefined ? undefined : refreshToken),
      usableUntil: usableUntil(grant, askedAt),
    };
  }
}

function usableUntil({ expiresInSeconds }: Grant, askedAt: number): number | undefined {
  if (expiresInSeconds === undefined) return undefined;
  const lifetimeMs = expiresInSeconds * 1_000;
  return askedAt + lifetimeMs - Math.min(MARGIN_MS, lifetimeMs * MARGIN_SHARE);
}

function keyOf(policy: OAuthPolicy): string {
  return createHash("sha256").update(JSON.stringify(policy)).digest("hex");
}

function unlessAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
