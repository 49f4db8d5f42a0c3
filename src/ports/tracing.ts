import type { TraceContext } from "../values/trace-context.ts";

/** Spans of a distributed trace. Without tracing, contexts are only handed on. */
export interface Tracing {
  /** Runs something as a span, which ends with it; what it throws is thrown on. */
  span<T>(options: SpanOptions, run: (span: Span) => Promise<T>): Promise<T>;
}

export interface SpanOptions {
  readonly name: string;
  readonly kind: "server" | "client" | "consumer" | "internal";
  /** Absent: the span that is active, else a trace of its own. */
  readonly parent?: TraceContext | undefined;
  readonly attributes?: Attributes;
}
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface Span {
  /** To be handed on to what this asks for; the parent's when nothing is recorded. */
  readonly context: TraceContext | undefined;
  set(attributes: Attributes): void;
  /** It went wrong without throwing. */
  failed(message: string): void;
}
