import type { Dispatcher } from "undici";

/** Where a request for an address goes instead: a URL of a stand-in. `trace` is the trace ID the request carries, if any. */
export type StandIn = (address: URL, trace: string | undefined) => string;

/**
 * Requests for hosts that only exist in a document go to a stand-in; the definition, its history and all before the request stay as they are.
 */
export function pretendedHosts(standIn: StandIn): (agent: Dispatcher) => Dispatcher {
  return (agent) =>
    agent.compose((dispatch) => (options, handler) => {
      const { origin, pathname, search } = new URL(
        standIn(new URL(String(options.origin) + options.path), traceOf(options.headers)),
      );
      return dispatch({ ...options, origin, path: pathname + search }, handler);
    });
}

function traceOf(headers: Dispatcher.DispatchOptions["headers"]): string | undefined {
  return /traceparent\W+00-([0-9a-f]{32})/.exec(JSON.stringify(headers ?? ""))?.[1];
}
