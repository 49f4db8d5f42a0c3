import { type RequestInit as AgentRequestInit, fetch as agentFetch, type Dispatcher } from "undici";
import { networkProblem } from "./network-error.ts";
import { ProblemError } from "./problem-error.ts";

export type Fetch = typeof fetch;
/** @param failed is told what is wrong with a body, for libraries that keep it to themselves. */
export type GuardedFetch = (failed?: (problem: ProblemError) => void) => Fetch;

const WITHOUT_BODY = [204, 205, 304];

/**
 * `fetch` for libraries that take one: connects only where the agent may, follows no redirection, and reads at most `maxBytes` of a
 * body. @throws {ProblemError} communication 500 without a response, authorization 403 for an address that is not allowed.
 */
export function createGuardedFetch(agent: Dispatcher, maxBytes: number): GuardedFetch {
  return (failed) => async (input, init) => {
    const request = new Request(input, init);
    try {
      // The global types are those of the undici inside Node: the same, but for their names.
      const { headers, signal, method } = request;
      const body = init?.body as AgentRequestInit["body"];
      const asked = {
        method,
        headers: Object.fromEntries(headers),
        signal,
        body,
        redirect: "manual",
        dispatcher: agent,
      };
      const response = await agentFetch(request.url, asked as AgentRequestInit);
      const withBody = response.body !== null && !WITHOUT_BODY.includes(response.status);
      const content = withBody
        ? (response.body as unknown as ReadableStream).pipeThrough(atMost(maxBytes, failed))
        : null;
      const { status, statusText } = response;
      return new Response(content, { status, statusText, headers: Object.fromEntries(response.headers) });
    } catch (error) {
      request.signal.throwIfAborted();
      throw ProblemError.from(networkProblem(causeOf(error), request.method, new URL(request.url).origin));
    }
  };
}

/** `fetch` hides why it failed. */
function causeOf(error: unknown): unknown {
  return error instanceof TypeError && error.cause instanceof Error ? error.cause : error;
}

function atMost(
  maxBytes: number,
  failed: (problem: ProblemError) => void = () => {},
): TransformStream<Uint8Array, Uint8Array> {
  let size = 0;
  return new TransformStream({
    transform(chunk, controller) {
      size += chunk.length;
      if (size <= maxBytes) controller.enqueue(chunk);
      else {
        const detail = `the response is longer than ${maxBytes} bytes (HTTP_MAX_RESPONSE_BYTES)`;
        const problem = new ProblemError("communication", detail);
        failed(problem);
        controller.error(problem);
      }
    },
  });
}
