import { equal } from "./equal.ts";

/** The class of an expected error, whatever its constructor takes. */
type ErrorClass<E extends Error> = abstract new (...args: never[]) => E;

/** What a failed assertion throws. */
export class AssertionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** @throws AssertionError unless the expression is truthy. */
export function assert(expr: unknown, msg = ""): asserts expr {
  if (!expr) throw new AssertionError(msg);
}

/** @throws AssertionError that shows both values, unless they are deeply equal. */
export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  if (equal(actual, expected)) return;
  const lines = (value: unknown, sign: string) =>
    Deno.inspect(value, { depth: 100, sorted: true, strAbbreviateSize: Infinity, iterableLimit: Infinity })
      .split("\n").map((line) => `  ${sign} ${line}`).join("\n");
  throw new AssertionError(
    `Values are not equal${suffix(msg)}\n  - actual\n  + expected\n${lines(actual, "-")}\n${lines(expected, "+")}`,
  );
}

/** @throws AssertionError unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (!actual.includes(expected)) {
    throw new AssertionError(`Expected actual: "${actual}" to contain: "${expected}"${suffix(msg)}`);
  }
}

/** @throws AssertionError unless `actual` matches. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (!expected.test(actual)) {
    throw new AssertionError(`Expected actual: "${actual}" to match: "${expected}"${suffix(msg)}`);
  }
}

/** Calls `fn` and returns what it throws. @throws AssertionError when it throws nothing, or something else. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  try {
    fn();
  } catch (error) {
    if (typeof classOrMsg === "function") checkError(error, classOrMsg, msgIncludes, text);
    return error;
  }
  throw new AssertionError(`Expected function to throw${suffix(text)}`);
}

/**
 * Calls `fn` and resolves to what its promise rejects with.
 *
 * @throws AssertionError when it fulfils, rejects with something else, or throws instead of rejecting.
 */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: ErrorClass<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const text = typeof classOrMsg === "string" ? classOrMsg : msg;
  const promise = started(fn, text);
  try {
    await promise;
  } catch (error) {
    if (typeof classOrMsg === "function") checkError(error, classOrMsg, msgIncludes, text);
    return error;
  }
  throw new AssertionError(`Expected function to reject${suffix(text)}`);
}

function started(fn: () => PromiseLike<unknown>, msg: string | undefined): PromiseLike<unknown> {
  const failure = `Function throws when expected to reject${suffix(msg)}`;
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (cause) {
    throw new AssertionError(failure, { cause });
  }
  if (typeof promise?.then !== "function") throw new AssertionError(failure);
  return promise;
}

function checkError(error: unknown, type: ErrorClass<Error>, msgIncludes: string | undefined, msg: string | undefined) {
  if (!(error instanceof type)) {
    const actual = error instanceof Error ? error.constructor.name : typeof error;
    throw new AssertionError(`Expected error to be instance of "${type.name}", but was "${actual}"${suffix(msg)}`, {
      cause: error,
    });
  }
  if (msgIncludes !== undefined && !error.message.includes(msgIncludes)) {
    throw new AssertionError(
      `Expected error message to include "${msgIncludes}", but got "${error.message}"${suffix(msg)}`,
      { cause: error },
    );
  }
}

function suffix(msg: string | undefined): string {
  return msg ? `: ${msg}` : ".";
}
