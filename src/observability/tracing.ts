import {
  context,
  createTraceState,
  DiagLogLevel,
  diag,
  type Context as OtelContext,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Log } from "../ports/executor.ts";
import type { Attributes, Span, SpanOptions, Tracing } from "../ports/tracing.ts";
import type { TraceContext } from "../values/trace-context.ts";
import type { Hider } from "./hider.ts";

/** Hands contexts on and records nothing. */
export const NO_TRACING: Tracing = {
  span: ({ parent }, run) => run({ context: parent, set() {}, failed() {} }),
};

export interface TracingOptions {
  /** `OTEL_EXPORTER_OTLP_ENDPOINT`; spans go to `/v1/traces` of it. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly version: string;
  /** Name of this process. */
  readonly worker: string;
  readonly log: Log;
  /** What it hides stands in no span. */
  readonly hider: Hider;
}

export interface StartedTracing extends Tracing {
  /** Members for log lines: `trace_id` and `span_id` of the active span. */
  logFields(): object;
  /** Sends what is left, for at most some seconds. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 3_000;

/** Loads the SDK, which nothing else does, and sends spans by OTLP over HTTP. Sampling follows `OTEL_TRACES_SAMPLER`. */
export async function startTracing(options: TracingOptions): Promise<StartedTracing> {
  const [{ BatchSpanProcessor, NodeTracerProvider }, { OTLPTraceExporter }, { resourceFromAttributes }] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-node"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const complain = (message: string) => options.log.warn({}, `tracing: ${message.slice(0, 500)}`);
  const silent = () => {};
  diag.setLogger(
    { error: complain, warn: silent, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.ERROR, suppressOverrideMessage: true },
  );
  const url = `${options.endpoint.replace(/\/$/, "")}/v1/traces`;
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      "service.name": options.serviceName,
      "service.version": options.version,
      "service.instance.id": options.worker,
    }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, headers: { ...options.headers } }))],
  });
  provider.register();
  const tracer = provider.getTracer("durabull", options.version);
  return {
    span: (given, run) => runSpan(tracer, options.hider, given, run),
    logFields() {
      const span = trace.getActiveSpan()?.spanContext();
      return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
    },
    async close() {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_WITHIN_MS);
      });
      await Promise.race([provider.shutdown().catch((error: unknown) => complain(String(error))), late]);
      clearTimeout(timer);
    },
  };
}

const KINDS = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
} as const;

async function runSpan<T>(
  tracer: Tracer,
  { hide }: Hider,
  { name, kind, parent, attributes = {} }: SpanOptions,
  run: (span: Span) => Promise<T>,
): Promise<T> {
  const around = parent === undefined ? context.active() : remote(parent);
  const shown = (all: Attributes) =>
    Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key, typeof value === "string" ? hide(value) : value]),
    );
  const span = tracer.startSpan(hide(name), { kind: KINDS[kind], attributes: shown(attributes) }, around);
  const failed = (message: string) => {
    span.setStatus({ code: SpanStatusCode.ERROR, message: hide(message) });
  };
  try {
    return await context.with(trace.setSpan(around, span), () =>
      run({ context: contextOf(span), set: (more) => span.setAttributes(shown(more)), failed }),
    );
  } catch (error) {
    failed(error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    span.end();
  }
}

/** A context that came from outside, as the parent of a span. */
function remote({ traceparent, tracestate }: TraceContext): OtelContext {
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16) & TraceFlags.SAMPLED,
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  });
}

function contextOf(span: OtelSpan): TraceContext {
  const { traceId, spanId, traceFlags, traceState } = span.spanContext();
  const state = traceState?.serialize() ?? "";
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
  return { traceparent, ...(state === "" ? {} : { tracestate: state }) };
}
