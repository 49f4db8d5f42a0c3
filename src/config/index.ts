export type { AdapterChoice } from "./adapters.ts";
export { type Config, type Environment, isLoopback, loadConfig, secretTexts } from "./config.ts";
export { EXIT_CONFIG, EXIT_UNAVAILABLE, exitOnConfigError, loadEnvFile } from "./process.ts";
