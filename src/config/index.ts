export type { AdapterChoice } from "./adapters.ts";
export {
  type Config,
  checkConfig,
  configError,
  type Environment,
  isLoopback,
  loadConfig,
  secretTexts,
} from "./config.ts";
export { EXIT_CONFIG, EXIT_UNAVAILABLE, exitOnConfigError, loadEnvFile } from "./process.ts";
export type { Settings } from "./settings.ts";
