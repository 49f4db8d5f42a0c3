export { ExpressionError, ExpressionSyntaxError } from "./errors.ts";
export { compileExpression, type ExpressionArguments, isVariableName, type Program } from "./jq.ts";
