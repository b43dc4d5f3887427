import { assertEquals } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

/** One row a promise: what is parsed, how, and what comes out. */
const CASES: readonly [name: string, args: string[], options: Parameters<typeof parseArgs>[1], result: object][] = [
  ["nothing gives nothing", [], {}, { _: [] }],
  ["a flag alone is true", ["--foo"], {}, { foo: true, _: [] }],
  ["a flag takes the next argument", ["--foo", "bar"], {}, { foo: "bar", _: [] }],
  ["a flag takes what follows =", ["--foo=bar=baz"], {}, { foo: "bar=baz", _: [] }],
  ["an empty value after = is a value", ["--foo="], { string: ["foo"] }, { foo: "", _: [] }],
  ["a flag does not take the next flag", ["--foo", "--bar"], {}, { foo: true, bar: true, _: [] }],
  ["a flag does not take a negative number after a blank", ["--foo", "-5"], {}, { foo: true, 5: true, _: [] }],
  ["a negative number goes with =", ["--foo=-5"], {}, { foo: -5, _: [] }],
  ["numbers become numbers", ["--a", "1", "--b=0x10", "--c", "1e3", "7"], {}, { a: 1, b: 16, c: 1000, _: [7] }],
  ["what only looks like a number stays text", ["--a=1.2.3", "--b=10s"], {}, { a: "1.2.3", b: "10s", _: [] }],
  ["a string flag stays text", ["--a", "1", "--b=007"], { string: ["a", "b"] }, { a: "1", b: "007", _: [] }],
  ["a string flag without value is empty", ["--a"], { string: ["a"] }, { a: "", _: [] }],
  ["a string flag that is missing is missing", [], { string: ["a"] }, { _: [] }],
  ["operands stay text where _ is a string", ["1"], { string: ["_"] }, { _: ["1"] }],
  ["a boolean flag takes no value", ["--a", "b"], { boolean: ["a"] }, { a: true, _: ["b"] }],
  ["a boolean flag takes true and false", ["--a", "false", "--b", "true"], { boolean: ["a", "b"] }, {
    a: false,
    b: true,
    _: [],
  }],
  ["a boolean flag with = is false only by that word", ["--a=false", "--b=true", "--c=no"], {
    boolean: ["a", "b", "c"],
  }, { a: false, b: true, c: true, _: [] }],
  ["a boolean flag that is missing is false", [], { boolean: ["a"] }, { a: false, _: [] }],
  ["all flags can be boolean", ["--a", "b", "--c=d"], { boolean: true }, { a: true, c: "d", _: ["b"] }],
  ["the last value wins", ["--a=1", "--a=2"], {}, { a: 2, _: [] }],
  ["collected values come in order", ["--a=x", "--a", "y"], { string: ["a"], collect: ["a"] }, {
    a: ["x", "y"],
    _: [],
  }],
  ["a collected string that is missing is empty", [], { string: ["a"], collect: ["a"] }, { a: [], _: [] }],
  ["--no-x negates what may be negated", ["--no-a", "--no-b"], { boolean: ["a"], negatable: ["a"] }, {
    a: false,
    "no-b": true,
    _: [],
  }],
  ["--no-x takes back what was collected", ["--a=x", "--no-a"], { string: ["a"], collect: ["a"], negatable: ["a"] }, {
    a: false,
    _: [],
  }],
  ["a value is stored under its aliases", ["-h", "--port", "1"], { alias: { help: "h", port: ["p"] } }, {
    h: true,
    help: true,
    port: 1,
    p: 1,
    _: [],
  }],
  ["kinds hold for aliases", ["-n", "1", "-v", "x"], {
    alias: { name: "n", verbose: "v" },
    string: ["name"],
    boolean: ["verbose"],
  }, { n: "1", name: "1", v: true, verbose: true, _: ["x"] }],
  ["defaults fill what is missing", ["--a=1"], { default: { a: 5, b: 6 } }, { a: 1, b: 6, _: [] }],
  ["short flags can be joined, the last takes the value", ["-abc", "d"], {}, { a: true, b: true, c: "d", _: [] }],
  ["a dash alone is an operand, or a short flag's value", ["-", "--a", "-", "-b", "-"], {}, {
    a: true,
    b: "-",
    _: ["-", "-"],
  }],
  ["what follows -- is operands", ["a", "--", "--b", "1"], {}, { _: ["a", "--b", "1"] }],
  ["what follows -- can be kept apart", ["a", "--", "--b"], { "--": true }, { _: ["a"], "--": ["--b"] }],
  ["parsing can stop at the first operand", ["--a=1", "b", "--c"], { stopEarly: true }, { a: 1, _: ["b", "--c"] }],
  ["empty arguments are operands", [""], {}, { _: [""] }],
];

for (const [name, args, options, result] of CASES) {
  Deno.test(`parseArgs: ${name}`, () => assertEquals<object>(parseArgs(args, options), result));
}

Deno.test("parseArgs: unknown is told of what no option names, and can leave it out", () => {
  const told: unknown[][] = [];
  const result = parseArgs(["--known=1", "--strange=2", "-x", "operand", "--also", "kept"], {
    string: ["known"],
    unknown: (...call) => {
      told.push(call);
      return call[1] === "also";
    },
  });
  assertEquals(told, [["--strange=2", "strange", "2"], ["-x", "x", "operand"], ["--also", "also", "kept"]]);
  assertEquals<object>(result, { known: "1", also: "kept", _: [] });
});

Deno.test("parseArgs: unknown is told of operands too", () => {
  const told: string[] = [];
  const result = parseArgs(["--known", "a", "b"], {
    boolean: ["known"],
    unknown: (arg) => {
      told.push(arg);
      return arg === "b";
    },
  });
  assertEquals(told, ["a", "b"]);
  assertEquals<object>(result, { known: true, _: ["b"] });
});

Deno.test("parseArgs: flags named as parts of every object are left out", () => {
  assertEquals<object>(parseArgs(["--__proto__", "polluted", "--constructor=x"]), { _: [] });
});

Deno.test("parseArgs: kinds are known to the type checker", () => {
  const parsed = parseArgs(["--name=a", "--tag=x", "--tag=y"], {
    boolean: ["help"],
    string: ["name", "tag"],
    collect: ["tag"],
  });
  const help: boolean = parsed.help;
  const name: string | undefined = parsed.name;
  const tags: string[] = parsed.tag;
  assertEquals([help, name, ...tags], [false, "a", "x", "y"]);
});
