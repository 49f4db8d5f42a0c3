import CircuitBreaker from "opossum";
import { StoreUnavailableError } from "../errors.ts";

/** After this long of failing, one call is let through to see whether the store is back. */
const TRY_AGAIN_MS = 1_000;
/** Calls in the last ten seconds below which nothing is concluded. */
const LEAST_CALLS = 10;

/**
 * A store behind a circuit breaker: when half of its calls find it away, calls fail at once for a second instead of waiting each for
 * its own timeout. Only `StoreUnavailableError` counts: a conflict or a bad record says that the store answers.
 *
 * @param name shown in the error.
 */
export function withBreaker<Port extends object>(name: string, port: Port): Port {
  const breaker = new CircuitBreaker((call: () => Promise<unknown>) => call(), {
    name,
    timeout: false,
    errorThresholdPercentage: 50,
    volumeThreshold: LEAST_CALLS,
    resetTimeout: TRY_AGAIN_MS,
    errorFilter: (error: unknown) => !(error instanceof StoreUnavailableError),
  });
  const guarded = new Map<PropertyKey, unknown>();
  return new Proxy(port, {
    get(target, property) {
      const known = guarded.get(property);
      if (known !== undefined) return known;
      const member: unknown = Reflect.get(target, property, target);
      if (typeof member !== "function") return member;
      const call =
        property === "close"
          ? closing(breaker, target, member as Method)
          : calling(name, breaker, target, member as Method);
      guarded.set(property, call);
      return call;
    },
  });
}

type Method = (...args: unknown[]) => unknown;
type Breaker = CircuitBreaker<[() => Promise<unknown>], unknown>;

function calling(name: string, breaker: Breaker, target: object, member: Method) {
  return async (...args: unknown[]): Promise<unknown> => {
    try {
      return await breaker.fire(() => Promise.resolve(Reflect.apply(member, target, args)));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EOPENBREAKER")
        throw new StoreUnavailableError(name);
      throw error;
    }
  };
}

function closing(breaker: Breaker, target: object, member: Method) {
  return (...args: unknown[]): unknown => {
    breaker.shutdown();
    return Reflect.apply(member, target, args);
  };
}
