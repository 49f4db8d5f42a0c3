// npm run pictures: takes the pictures of README.md from a real service, with a Chromium (CHROMIUM_PATH names another one).
import { runTypeScript, setUp } from "./setup.mjs";

setUp();
await runTypeScript("test/support/take-pictures.ts");
