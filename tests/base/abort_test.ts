import { assert, assertEquals } from "@std/assert";
import { AbortScope } from "../../src/base/abort.ts";

Deno.test("a scope aborts with the reason of the first source that does", () => {
  const [first, second, scope] = [new AbortController(), new AbortController(), new AbortScope()];
  scope.follow(first.signal);
  scope.follow(second.signal, () => "second, in its own words");
  second.abort("second");
  first.abort("first");
  assertEquals(scope.signal.reason, "second, in its own words");
});

Deno.test("a scope that follows a source that has aborted already is aborted", () => {
  const scope = new AbortScope();
  scope.follow(AbortSignal.abort("before"));
  assertEquals(scope.signal.reason, "before");
});

Deno.test("a scope that was released follows nobody", () => {
  const [source, scope] = [new AbortController(), new AbortScope()];
  scope.follow(source.signal);
  scope.release();
  source.abort();
  assert(!scope.signal.aborted);
});
