import { assert, assertEquals } from "@std/assert";
import { withStack } from "./support/stack.ts";
import { openaiOf } from "./v1_clients/clients.ts";
import { PAINT, toolClients } from "./v1_clients/tool_calls.ts";

/** Renders a tool call as bare JSON, so that llama-server's grammar for a call has no text in front of it. */
const TEMPLATE = [
  `{%- for tool in tools or [] %}{{- tool | tojson + "\\n" }}{%- endfor %}`,
  `{%- for message in messages %}{{- "<" + message.role + ">" }}`,
  `{%- if message.content %}{{- message.content }}{%- endif %}`,
  `{%- for call in message.tool_calls or [] %}`,
  `{{- '{"name": "' + call.function.name + '", "arguments": ' }}{{- call.function.arguments | tojson }}{{- "}" }}`,
  `{%- endfor %}{{- "</" + message.role + ">\\n" }}{%- endfor %}`,
  `{%- if add_generation_prompt %}{{- "<assistant>" }}{%- endif %}`,
].join("");

const END_OF_TEXT = 2;
/** Of a vocabulary of bytes, behind `<unk>`, `<s>` and `</s>`. */
const OPENING_BRACE = 3 + "{".charCodeAt(0);

/**
 * With these a real llama-server answers with a tool call although the model is random: its grammar for the tools makes
 * the call right, and the biases make the model begin with one and end after it.
 */
const CALLS_TOOLS = [
  ...["-a", "tiny", "--jinja", "--chat-template", TEMPLATE],
  ...["--logit-bias", `${OPENING_BRACE}+50`, "--logit-bias", `${END_OF_TEXT}+100`],
  // llama-server feeds the generation prompt to the grammar, which a space in front of it does not fit.
  ...["--override-kv", "tokenizer.ggml.add_space_prefix=bool:false"],
];

Deno.test("every client gets the tool calls of a real llama-server, whole and put together from a stream", async () => {
  await withStack({ llama: CALLS_TOOLS }, async ({ modeld }) => {
    for (const client of toolClients({ url: modeld.url })) {
      for (const stream of [false, true]) {
        const [call, ...more] = await client.calls("Paint it", stream);
        const what = `${client.name}, ${stream ? "streamed" : "whole"}`;
        assertEquals([call?.name, more.length], [PAINT.name, 0], what);
        const { color } = call?.input as { color: string };
        assert(PAINT.input.properties.color.enum.includes(color), `${what}: ${JSON.stringify(call)}`);
      }
    }
  });
});

Deno.test("the result of a tool call goes back to llama-server and is answered", async () => {
  await withStack({ llama: ["-a", "tiny", "--jinja", "--chat-template", TEMPLATE] }, async ({ modeld }) => {
    const { name, description, input: parameters } = PAINT;
    const { choices } = await openaiOf({ url: modeld.url }).chat.completions.create({
      model: "tiny",
      max_completion_tokens: 8,
      tools: [{ type: "function", function: { name, description, parameters } }],
      tool_choice: "none",
      messages: [
        { role: "user", content: "Paint it" },
        {
          role: "assistant",
          tool_calls: [{ id: "call-1", type: "function", function: { name, arguments: '{"color":"red"}' } }],
        },
        { role: "tool", tool_call_id: "call-1", content: "It is red." },
      ],
    });
    assert(choices[0]?.message.content, JSON.stringify(choices));
  });
});
