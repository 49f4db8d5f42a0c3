/** Where in which trace something was asked for, as W3C Trace Context writes it. */
export interface TraceContext {
  /** `00-<trace id>-<span id>-<flags>` */
  readonly traceparent: string;
  readonly tracestate?: string;
}

const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}(?=-|$)/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** Reads two headers; undefined when there is no context in them. What is malformed is dropped, as W3C asks, and nothing refused. */
export function traceContextOf(traceparent: unknown, tracestate: unknown): TraceContext | undefined {
  if (typeof traceparent !== "string") return undefined;
  const [known] = TRACEPARENT.exec(traceparent) ?? [];
  // A later version may say more; what this one knows is passed on.
  if (known === undefined || (traceparent.startsWith("00") && traceparent !== known)) return undefined;
  const state = typeof tracestate === "string" && TRACESTATE.test(tracestate) ? { tracestate } : {};
  return { traceparent: `00${known.slice(2)}`, ...state };
}

export function traceIdOf({ traceparent }: TraceContext): string {
  return traceparent.slice(3, 35);
}
