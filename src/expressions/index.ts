export { ExpressionError, ExpressionSyntaxError } from "./errors.ts";
export {
  compileExpression,
  type EvaluationTime,
  type ExpressionArguments,
  isVariableName,
  type Program,
} from "./program.ts";
