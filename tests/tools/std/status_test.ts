import { assertEquals } from "@std/assert";
import { STATUS_CODE, STATUS_TEXT } from "@std/http/status";

/** RFC 9110 section 15, RFC 6585, and those of the later registrations that modeld could send. */
const REGISTERED: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  200: "OK",
  203: "Non Authoritative Info",
  204: "No Content",
  226: "IM Used",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  418: "I'm a teapot",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
  511: "Network Authentication Required",
};

Deno.test("each status text belongs to its code", () => {
  for (const [code, text] of Object.entries(REGISTERED)) {
    assertEquals((STATUS_TEXT as Record<string, string>)[code], text);
  }
});

Deno.test("every code has a text, and no two names share a code", () => {
  const codes = Object.values(STATUS_CODE);
  assertEquals(codes.length, 62);
  assertEquals(new Set(codes).size, codes.length);
  assertEquals(Object.keys(STATUS_TEXT).map(Number).sort(), [...codes].sort());
});

Deno.test("codes are found by name", () => {
  assertEquals(STATUS_CODE.OK, 200);
  assertEquals(STATUS_CODE.TooManyRequests, 429);
  assertEquals(STATUS_CODE.InsufficientStorage, 507);
  assertEquals(STATUS_TEXT[STATUS_CODE.NotFound], "Not Found");
});
