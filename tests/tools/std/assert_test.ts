import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";

/** The message of the AssertionError that `act` throws. Written without any assertion: they are what is tested here. */
async function failure(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    if (error instanceof Error && error.name === "AssertionError") return error.message;
    throw error;
  }
  return "nothing was thrown";
}

async function passes(act: () => unknown): Promise<void> {
  const outcome = await failure(act);
  if (outcome !== "nothing was thrown") throw new Error(outcome);
}

async function fails(act: () => unknown, message: string): Promise<void> {
  const outcome = await failure(act);
  if (!outcome.includes(message) || outcome === "nothing was thrown") throw new Error(`failed with: ${outcome}`);
}

Deno.test("assert passes what is truthy and fails on what is falsy, with its message", async () => {
  for (const value of [true, 1, "a", [], {}]) await passes(() => assert(value));
  for (const value of [false, 0, "", null, undefined, NaN]) await fails(() => assert(value, "why"), "why");
});

const EQUAL: readonly [name: string, a: unknown, b: unknown][] = [
  ["NaN", NaN, NaN],
  ["zero and minus zero", 0, -0],
  ["nested objects in another order", { a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] }, a: 1 }],
  ["a plain object and one without prototype", { a: 1 }, Object.assign(Object.create(null), { a: 1 })],
  ["dates", new Date(5), new Date(5)],
  ["invalid dates", new Date(NaN), new Date(NaN)],
  ["regular expressions", /a/g, /a/g],
  ["addresses", new URL("http://a/b"), new URL("http://a/b")],
  ["sets in another order", new Set([1, 2]), new Set([2, 1])],
  ["sets of objects", new Set([{ a: 1 }, { b: 2 }]), new Set([{ b: 2 }, { a: 1 }])],
  ["maps in another order", new Map([["a", 1], ["b", 2]]), new Map([["b", 2], ["a", 1]])],
  ["maps with objects as keys", new Map([[{ a: 1 }, [1]]]), new Map([[{ a: 1 }, [1]]])],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 2])],
  ["buffers", new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer],
  ["symbols as keys", { [Symbol.iterator]: 1 }, { [Symbol.iterator]: 1 }],
];

const DIFFERENT: readonly [name: string, a: unknown, b: unknown][] = [
  ["a number and its text", 1, "1"],
  ["null and undefined", null, undefined],
  ["a missing key and one that is undefined", {}, { a: undefined }],
  ["an own key and an inherited one", { constructor: Object }, {}],
  ["two names for undefined", { a: undefined }, { b: undefined }],
  ["arrays of other lengths", [1], [1, undefined]],
  ["arrays in another order", [1, 2], [2, 1]],
  ["an array and an object", [], {}],
  ["nested values", { a: { b: [1] } }, { a: { b: [2] } }],
  ["dates", new Date(5), new Date(6)],
  ["regular expressions with other flags", /a/g, /a/i],
  ["addresses", new URL("http://a/b"), new URL("http://a/c")],
  ["sets", new Set([1, 2]), new Set([1, 3])],
  ["sets with one member more", new Set([1]), new Set([1, 2])],
  ["map values", new Map([["a", 1]]), new Map([["a", 2]])],
  ["map keys", new Map([["a", 1]]), new Map([["b", 1]])],
  ["bytes", new Uint8Array([1, 2]), new Uint8Array([1, 3])],
  ["kinds of bytes", new Uint8Array([1]), new Int8Array([1])],
  ["symbols as keys", { [Symbol.iterator]: 1 }, { [Symbol.iterator]: 2 }],
  ["error messages", new Error("a"), new Error("b")],
  ["classes of the same shape", new (class A {})(), new (class B {})()],
  ["functions of the same text", () => 1, () => 1],
];

for (const [name, a, b] of EQUAL) {
  Deno.test(`assertEquals holds: ${name}`, async () => {
    await passes(() => assertEquals(a, b));
    await passes(() => assertEquals(b, a));
  });
}

for (const [name, a, b] of DIFFERENT) {
  Deno.test(`assertEquals fails: ${name}`, async () => {
    await fails(() => assertEquals(a, b), "Values are not equal");
    await fails(() => assertEquals(b, a), "Values are not equal");
  });
}

Deno.test("assertEquals follows cycles", async () => {
  const cycle = (last: number) => {
    const object: Record<string, unknown> = { last };
    object["self"] = object;
    return object;
  };
  await passes(() => assertEquals(cycle(1), cycle(1)));
  await fails(() => assertEquals(cycle(1), cycle(2)), "Values are not equal");
});

Deno.test("assertEquals calls class instances equal by fields and getters", async () => {
  class Celsius {
    #degrees: number;
    constructor(degrees: number) {
      this.#degrees = degrees;
    }
    get degrees() {
      return this.#degrees;
    }
  }
  await passes(() => assertEquals(new Celsius(1), new Celsius(1)));
  await fails(() => assertEquals(new Celsius(1), new Celsius(2)), "Values are not equal");
});

Deno.test("assertEquals shows both values and the message", async () => {
  await fails(() => assertEquals({ a: "left" }, { a: "right" }, "why"), "Values are not equal: why");
  await fails(() => assertEquals({ a: "left" }, { a: "right" }), "left");
  await fails(() => assertEquals({ a: "left" }, { a: "right" }), "right");
});

Deno.test("assertStringIncludes finds a part and names both texts when it is missing", async () => {
  await passes(() => assertStringIncludes("abc", "b"));
  await fails(() => assertStringIncludes("abc", "x", "why"), 'Expected actual: "abc" to contain: "x": why');
});

Deno.test("assertMatch applies the expression and names both when it does not match", async () => {
  await passes(() => assertMatch("abc", /b./));
  await fails(() => assertMatch("abc", /x/, "why"), 'Expected actual: "abc" to match: "/x/": why');
});

Deno.test("assertThrows returns what was thrown", () => {
  const error = new RangeError("too far");
  assert(
    assertThrows(() => {
      throw error;
    }) === error,
  );
  const typed: RangeError = assertThrows(
    () => {
      throw error;
    },
    RangeError,
    "far",
  );
  assert(typed === error);
});

Deno.test("assertThrows accepts what is not an error only where no class is named", async () => {
  const act = () => {
    // deno-lint-ignore no-throw-literal -- programs do throw such things, and that is what is tested
    throw "text";
  };
  await passes(() => assertThrows(act));
  await fails(() => assertThrows(act, Error), "");
});

Deno.test("assertThrows fails when nothing is thrown, with its message", async () => {
  await fails(() => assertThrows(() => 1), "Expected function to throw");
  await fails(() => assertThrows(() => 1, "why"), "Expected function to throw: why");
  await fails(() => assertThrows(() => 1, Error, "x", "why"), "Expected function to throw: why");
});

Deno.test("assertThrows fails on another class or message", async () => {
  const act = () => {
    throw new RangeError("too far");
  };
  await fails(() => assertThrows(act, TypeError), 'Expected error to be instance of "TypeError"');
  await fails(() => assertThrows(act, RangeError, "near"), 'Expected error message to include "near"');
});

Deno.test("assertRejects resolves to what the promise rejected with", async () => {
  const error = new RangeError("too far");
  assert(await assertRejects(() => Promise.reject(error)) === error);
  const typed: RangeError = await assertRejects(() => Promise.reject(error), RangeError, "far");
  assert(typed === error);
});

Deno.test("assertRejects fails when the promise fulfils, with its message", async () => {
  await fails(() => assertRejects(() => Promise.resolve(1)), "Expected function to reject");
  await fails(() => assertRejects(() => Promise.resolve(1), "why"), "Expected function to reject: why");
});

Deno.test("assertRejects fails on another class or message", async () => {
  const act = () => Promise.reject(new RangeError("too far"));
  await fails(() => assertRejects(act, TypeError), 'Expected error to be instance of "TypeError"');
  await fails(() => assertRejects(act, RangeError, "near"), 'Expected error message to include "near"');
  await fails(() => assertRejects(() => Promise.reject("text"), Error), "");
});

Deno.test("assertRejects fails when the function returns no promise", async () => {
  await fails(() => assertRejects(() => 1 as never), "Function throws when expected to reject");
});

Deno.test("assertRejects fails when the function throws before it returns a promise", async () => {
  const act = () => {
    throw new Error("at once");
  };
  await fails(() => assertRejects(act, Error), "Function throws when expected to reject");
});
