import type { Problem } from "../../values/problem.ts";
import { problemOf } from "../../values/problem.ts";
import { AddressDeniedError } from "./address-policy.ts";
import { ProblemError } from "./problem-error.ts";

const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: "the host was not found",
  EAI_AGAIN: "the host could not be looked up just now",
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was reset",
  EPIPE: "the connection was closed while the request was sent",
  ETIMEDOUT: "no connection in time",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "the server accepted the request, but did not answer in time",
  UND_ERR_BODY_TIMEOUT: "the server stopped in the middle of its answer",
  UND_ERR_SOCKET: "the server closed the connection before its answer was complete",
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the server's certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "the server's certificate chain is self-signed",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the server's certificate cannot be verified",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host",
};

/**
 * The error to record when no usable answer came: communication 500, authorization 403 where the address policy forbids the call.
 * Names the origin only: path and query may hold secrets.
 */
export function networkProblem(error: unknown, method: string, origin: string): Problem {
  if (error instanceof ProblemError) return { ...error.problem, detail: `${method} ${origin}: ${error.message}` };
  if (error instanceof AddressDeniedError) return problemOf("authorization", error.message);
  const code = codeOf(error);
  const cause = CAUSES[code] ?? (code.startsWith("HPE_") ? "the answer is not HTTP" : "the call failed");
  return problemOf("communication", `${method} ${origin}: ${cause}${code === "" ? "" : ` (${code})`}`);
}

/** The first code found in an error, its causes, or the errors of one that stands for several addresses. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error && typeof error.code === "string") return error.code;
  if (error instanceof AggregateError) return error.errors.map(codeOf).find((code) => code !== "") ?? "";
  return codeOf(error.cause);
}
