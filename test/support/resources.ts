import { createAuthenticator } from "../../src/executors/auth/authenticator.ts";
import { agentOf } from "../../src/executors/call-http.ts";
import { createResourceFetcher } from "../../src/executors/resources/fetch-resource.ts";
import type { ActivityContext } from "../../src/ports/executor.ts";

/** Resources as a worker fetches them at first use; `close` closes the connections. */
export function resourcesOverHttp(): { readonly resource: ActivityContext["resource"]; close(): Promise<void> } {
  const agent = agentOf({ allowPrivateNetwork: true, allowedHosts: [] });
  const fetchResource = createResourceFetcher({
    agent,
    authenticator: createAuthenticator(agent),
    maxBytes: 100_000,
    timeoutMs: 10_000,
    directory: null,
    catalog: null,
  });
  return {
    resource: (uri) => fetchResource({ uri }, new AbortController().signal),
    close: () => agent.close(),
  };
}
