/** A text is no jq program, or names something that is not there. */
export class ExpressionSyntaxError extends Error {}
/** A program failed on its input, or used up what one evaluation may use. */
export class ExpressionError extends Error {}
