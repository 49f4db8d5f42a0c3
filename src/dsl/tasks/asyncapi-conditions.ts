import { type EvaluationTime, ExpressionError } from "../../expressions/index.ts";
import { isJsonObject, type Json, type JsonObject } from "../../values/json.ts";
import { compileTemplate, renderTemplate } from "../template.ts";
import type { Subscription } from "./call-asyncapi.ts";

export { ExpressionError };

/** The conditions of a subscription. Each throws {@link ExpressionError} when its expression fails. */
export interface Conditions {
  /** Whether a message, the input of the filter, is one of those that are consumed. */
  accepts(message: Json, time: EvaluationTime): boolean;
  /** Whether the messages consumed so far are all there shall be. */
  enough(consumed: readonly Json[], time: EvaluationTime): boolean;
}

/**
 * Of `while` (asked after each message) and `until` (asked before each one), the input is the list of messages consumed so far; the
 * official examples read it as `$context.consumedMessages` or `$context.messages`.
 */
export function conditionsOf({ filter, amount, while: goesOn, until, variables }: Subscription): Conditions {
  const condition = (source: string) => {
    const template = compileTemplate(`\${ ${source} }`, Object.keys(variables));
    return (input: Json, args: JsonObject, time: EvaluationTime) => {
      const value = renderTemplate(template, input, args, time);
      return value !== null && value !== false;
    };
  };
  const passes = filter === undefined ? undefined : condition(filter);
  const more = goesOn === undefined ? undefined : condition(goesOn);
  const done = until === undefined ? undefined : condition(until);
  return {
    accepts: (message, time) => passes === undefined || passes(message, variables, time),
    enough(consumed, time) {
      const args = withConsumed(variables, consumed);
      if (amount !== undefined) return consumed.length >= amount;
      if (more !== undefined) return consumed.length > 0 && !more([...consumed], args, time);
      return done?.([...consumed], args, time) ?? false;
    },
  };
}

/** Variables of `while` and `until`: `$context` with what was consumed so far, but for what is called so there already. */
export function withConsumed<Variables extends { readonly [name: string]: unknown }>(
  variables: Variables,
  consumed: readonly Json[],
): Variables {
  const { context } = variables;
  if (context === undefined || !(isJsonObject(context as Json) || context === null)) return variables;
  return {
    ...variables,
    context: { consumedMessages: [...consumed], messages: [...consumed], ...(context as JsonObject | null) },
  };
}
