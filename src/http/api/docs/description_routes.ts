import type { Route } from "../../route.ts";

const pageHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/**
 * `GET /openapi.json` and `GET /docs`, its page. Both are written when somebody first asks: that takes as long as an
 * eighth of the whole start, and most daemons are never asked.
 *
 * @param version modeld's own
 */
export function descriptionRoutes(version: string): readonly Route[] {
  let made: Promise<Description> | undefined;
  const description = () => made ??= describe(version);
  return [
    {
      method: "GET",
      path: "/openapi.json",
      handle: async () => new Response((await description()).json, { headers: { "Content-Type": "application/json" } }),
    },
    {
      method: "GET",
      path: "/docs",
      handle: async () => new Response((await description()).page, { headers: pageHeaders }),
    },
  ];
}

interface Description {
  readonly json: string;
  readonly page: string;
}

async function describe(version: string): Promise<Description> {
  const { openApiDocument } = await import("./openapi.ts");
  const { docsPage } = await import("./docs_page.ts");
  const document = openApiDocument(version);
  return { json: JSON.stringify(document), page: docsPage(document) };
}
