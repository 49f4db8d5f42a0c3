import { runTypeScript, setUp } from "./setup.mjs";

setUp();
await runTypeScript("src/main.ts");
