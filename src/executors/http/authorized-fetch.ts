import type { Credentials } from "../auth/authenticator.ts";
import type { Fetch } from "./guarded-fetch.ts";

/**
 * `fetch` that proves who calls, at one origin only: elsewhere, and where the caller wrote a header of its own, requests stay as they are. After a
 * 401 a request is sent once more, where the credentials know an answer; so its body must be text.
 */
export function authorizedFetch(fetch: Fetch, credentials: Credentials, origin: string): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (url.origin !== origin || request.headers.has("authorization")) return fetch(input, init);
    const send = (authorization: string | undefined) => {
      const headers = new Headers(request.headers);
      if (authorization !== undefined) headers.set("authorization", authorization);
      return fetch(input, { ...init, headers });
    };
    const response = await send(await credentials.first());
    if (response.status !== 401) return response;
    const body = typeof init?.body === "string" ? init.body : "";
    const asked = { method: request.method, uri: url.pathname + url.search, body };
    const again = await credentials.again(asked, response.headers.get("www-authenticate") ?? undefined);
    if (again === undefined) return response;
    await response.body?.cancel();
    return send(again);
  };
}
