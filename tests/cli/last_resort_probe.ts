import { installLastResort } from "../../src/cli/process.ts";
import { configureLog } from "../../src/telemetry/log.ts";

// Fails in the way that its argument names, behind the last resort; prints what it lives to see.
configureLog({ level: "error", format: "json" });
installLastResort(() => console.log("asked to stop"));
setTimeout(() => console.log("still here"), 50);
if (Deno.args[0] === "rejection") Promise.reject(new Error("nobody waits for this"));
else {
  setTimeout(() => {
    throw new Error("nobody catches this");
  }, 0);
}
