#!/usr/bin/env node
import { runTypeScript, setUp } from "./setup.mjs";

setUp();
await runTypeScript("src/cli/main.ts");
