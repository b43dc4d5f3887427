import { assertEquals } from "@std/assert";
import { scanned } from "./scan.ts";

/** What is a part of a message's content in each API. */
const fetched: Readonly<Record<string, string>> = {
  "a picture of Chat Completions": `{"type":"image_url","image_url":{"url":"http://x/a.png"}}`,
  "a picture whose address is the member itself": `{"type":"image_url","image_url":"https://x/a.png"}`,
  "a picture whose type comes last": `{"image_url":{"detail":"low","url":"http://x"},"type":"image_url"}`,
  "a picture of Responses": `{"type":"input_image","detail":"auto","image_url":"https://x/a.png"}`,
  "a picture of Messages": `{"type":"image","source":{"type":"url","url":"https://x/a.png"}}`,
  "a picture in a tool's result":
    `{"type":"tool_result","content":[{"type":"image","source":{"url":"http://x","type":"url"}}]}`,
  "a document of Messages": `{"type":"document","source":{"type":"url","url":"https://x/a.pdf"}}`,
  "a file of Responses": `{"type":"input_file","file_url":"https://x/a.pdf"}`,
  "a sound": `{"type":"audio_url","audio_url":{"url":"http://x/a.wav"}}`,
  "a sound where its data should be": `{"type":"input_audio","input_audio":{"data":"http://x/a.wav","format":"wav"}}`,
  "a sound by url": `{"type":"input_audio","input_audio":{"url":"http://x/a.wav"}}`,
  "a video": `{"type":"video_url","video_url":{"url":"http://x/a.mp4"}}`,
  "a video by data": `{"type":"input_video","input_video":{"data":"http://x/a.mp4"}}`,
  "a scheme in capitals": `{"type":"image_url","image_url":{"url":"HtTpS://x"}}`,
  "an address in escapes": `{"type":"image_url","image_url":{"url":"\\u0068\\u0074tp:\\/\\/x"}}`,
  "names and type in escapes": `{"t\\u0079pe":"image\\u005furl","im\\u0061ge_url":{"\\u0075rl":"http://x"}}`,
  "the second of two addresses": `{"type":"image_url","image_url":{"url":"data:,"},"image_url":{"url":"http://x"}}`,
  "the second of two types": `{"type":"text","type":"image_url","image_url":{"url":"http://x"}}`,
  "the first of two types": `{"type":"image_url","type":"text","image_url":{"url":"http://x"}}`,
  "an address behind nested members":
    `{"type":"image_url","a":{"b":[{"c":1}]},"image_url":{"d":{"e":[]},"url":"http://x"}}`,
};

for (const [what, part] of Object.entries(fetched)) {
  Deno.test(`${what} by address is found`, async () => {
    const before = `{"messages":[{"role":"user","content":[{"type":"text","text":"a"},`;
    const { mediaAddress = -1 } = await scanned(`${before}${part}]}]}`);
    const address = `${before}${part}`.slice(mediaAddress);
    assertEquals(/^(http|HtTp|\\u0068\\u0074tp)/.test(address), true, address);
  });
}

const passed: Readonly<Record<string, string>> = {
  "a picture in the body": `{"type":"image_url","image_url":{"url":"data:image/png;base64,aHR0cDovLw=="}}`,
  "a sound in the body": `{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}`,
  "a picture of Messages in the body": `{"type":"image","source":{"type":"base64","data":"aHR0cA=="}}`,
  "a text that begins with an address": `{"type":"text","text":"http://x"}`,
  "a text that quotes a part": `{"type":"text","text":"{\\"type\\":\\"image_url\\",\\"image_url\\":\\"http://x\\"}"}`,
  "a document that is a text": `{"type":"document","source":{"type":"text","data":"http://x is a page"}}`,
  "a search result": `{"type":"search_result","source":"https://x","title":"t"}`,
  "a tool's argument called image_url": `{"type":"tool_use","input":{"image_url":"http://x","url":"http://y"}}`,
  "a citation": `{"type":"text","text":"a","annotations":[{"type":"url_citation","url":"http://x"}]}`,
  "a tool's schema":
    `{"type":"function","parameters":{"properties":{"image_url":{"type":"string","default":"http://x"}}}}`,
  "an address of a part beside a picture": `{"type":"image_url","image_url":{"url":"data:,"},"url":"http://x"}`,
  "an address one level too deep": `{"type":"image_url","image_url":{"meta":{"url":"http://x"}}}`,
  "an address in a list": `{"type":"image_url","image_url":["http://x"]}`,
  "addresses after a part has ended": `[{"type":"image_url"},{"image_url":{"url":"http://x"}}]`,
  "a type that goes on": `{"type":"image_urls","image_url":{"url":"http://x"}}`,
};

for (const [what, part] of Object.entries(passed)) {
  Deno.test(`${what} passes`, async () => {
    const { mediaAddress } = await scanned(`{"messages":[{"role":"user","content":[${part}]}],"image_url":"http://x"}`);
    assertEquals(mediaAddress, undefined);
  });
}
