import { assertEquals } from "@std/assert";
import { sessionKeyOf } from "../../src/http/session_key.ts";

Deno.test("a conversation is known by whichever header its client names it with, cut at 256 characters", () => {
  for (const name of ["X-Session-Id", "x-session-affinity", "session-id", "X-OpenWebUI-Chat-Id"]) {
    assertEquals(sessionKeyOf(new Headers({ [name]: "chat 7" })), "chat 7");
  }
  assertEquals(sessionKeyOf(new Headers({ "X-Session-Id": "a".repeat(300) })), "a".repeat(256));
});

Deno.test("without such a header, or with an empty one, there is no session", () => {
  assertEquals([sessionKeyOf(new Headers()), sessionKeyOf(new Headers({ "X-Session-Id": "" }))], [
    undefined,
    undefined,
  ]);
});
