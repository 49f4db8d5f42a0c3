import { expect, test } from "vitest";
import type { Credentials } from "../../../src/executors/auth/authenticator.ts";
import { authorizedFetch } from "../../../src/executors/http/authorized-fetch.ts";

/** A server that lets nobody in but who says `accepted`; notes what it was shown. */
function server(accepted: string) {
  const shown: (string | null)[] = [];
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const authorization = new Request(input, init).headers.get("authorization");
    shown.push(authorization);
    return new Response(null, {
      status: authorization === accepted ? 200 : 401,
      headers: { "www-authenticate": "Digest x" },
    });
  };
  return { shown, fetch };
}
const asked: object[] = [];
const credentials = (first: string | undefined, again: string | undefined): Credentials => ({
  first: async () => first,
  async again(request, challenge) {
    asked.push({ ...request, challenge });
    return again;
  },
});
const ORIGIN = "https://x.example";

test("given credentials, when a request is refused, then it is sent once more with what they answer to the challenge", async () => {
  const { shown, fetch } = server("new");
  const authorized = authorizedFetch(fetch, credentials("old", "new"), ORIGIN);
  expect((await authorized(`${ORIGIN}/mcp?a=1`, { method: "POST", body: "{}" })).status).toBe(200);
  expect(shown).toEqual(["old", "new"]);
  expect(asked.splice(0)).toEqual([{ method: "POST", uri: "/mcp?a=1", body: "{}", challenge: "Digest x" }]);
});

test("given credentials that know no other answer, when a request is refused, then that is the response", async () => {
  const { shown, fetch } = server("new");
  expect((await authorizedFetch(fetch, credentials(undefined, undefined), ORIGIN)(ORIGIN)).status).toBe(401);
  expect(shown).toEqual([null]);
});

test("given another origin or a header of the caller's, when a request is made, then it stays as it is", async () => {
  const { shown, fetch } = server("new");
  const authorized = authorizedFetch(fetch, credentials("old", "new"), ORIGIN);
  await authorized("https://y.example/");
  await authorized("http://x.example/");
  await authorized(ORIGIN, { headers: { authorization: "own" } });
  expect(shown).toEqual([null, null, "own"]);
});
