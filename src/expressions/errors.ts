/** jq does not accept the text. */
export class ExpressionSyntaxError extends Error {}
/** jq failed on this input. */
export class ExpressionError extends Error {}
