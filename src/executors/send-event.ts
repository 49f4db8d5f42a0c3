import { createHmac } from "node:crypto";
import { z } from "zod";
import { type DefinedFunction, defineFunction, WorkflowError } from "../functions/index.ts";
import { problemOf } from "../values/problem.ts";

/** A sink of events. */
export interface Sink {
  readonly id: string;
  readonly url: string;
}

const TIMEOUT_MS = 30_000;

/**
 * Sends one event to a sink, by the HTTP binding of CloudEvents in structured mode. Signed as Standard Webhooks have it: `webhook-signature` is
 * `v1,` and the base64 of HMAC-SHA-256 over `<webhook-id>.<webhook-timestamp>.<body>`. Any answer but 2xx is a communication error.
 *
 * @param secret of the signature; null: unsigned.
 * @param sent told of each try that reached for the sink.
 */
export function sendEventFunction(
  name: string,
  sinks: readonly Sink[],
  secret: string | null,
  sent: (ok: boolean, ms: number) => void = () => undefined,
): DefinedFunction {
  return defineFunction({
    name,
    input: z.object({ sink: z.string(), event: z.looseObject({ id: z.string(), source: z.string() }) }),
    async handler({ sink, event }, { signal, idempotencyKey }) {
      const found = sinks.find(({ id }) => id === sink);
      if (found === undefined) {
        throw failure("configuration", `EVENT_SINKS of this task worker has no sink ${sink}`);
      }
      const body = JSON.stringify(event);
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const signed =
        secret === null ? {} : { "webhook-signature": signatureOf(secret, idempotencyKey, timestamp, body) };
      const begun = performance.now();
      const response = await fetch(found.url, {
        method: "POST",
        redirect: "manual",
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
        headers: {
          "content-type": "application/cloudevents+json; charset=utf-8",
          "idempotency-key": idempotencyKey,
          "webhook-id": idempotencyKey,
          "webhook-timestamp": timestamp,
          ...signed,
        },
        body,
      }).catch((error: unknown) => {
        signal.throwIfAborted();
        sent(false, performance.now() - begun);
        throw failure("communication", `the sink does not answer: ${reasonOf(error)}`);
      });
      await response.body?.cancel();
      sent(response.ok, performance.now() - begun);
      if (!response.ok) {
        throw failure("communication", `the sink answered ${response.status}`, response.status);
      }
      return { status: response.status };
    },
  });
}

export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function failure(kind: "configuration" | "communication", detail: string, status?: number): WorkflowError {
  const { type, status: usual, title } = problemOf(kind, detail);
  return new WorkflowError({ type, status: status ?? usual, detail, ...(title === undefined ? {} : { title }) });
}

/** Without the address, which may hold a secret. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return error instanceof Error ? error.name : "unknown";
}
