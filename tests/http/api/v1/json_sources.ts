import fc from "fast-check";

/** JSON texts with whatever white space, escapes and numbers a client may write. */

const gap = fc.constantFrom("", "", "", " ", "\n", "\t \r\n");

const character = fc.oneof(
  fc.constantFrom("a", "Z", "é", "中", "😀", "/", "{", "}", "[", "]", ",", ":", "\u007f"),
  fc.constantFrom('\\"', "\\\\", "\\/", "\\b", "\\n", "\\u0000", "\\u00e9", "\\uD83D\\ude00", "\\ud800"),
);

const string = fc.array(character, { maxLength: 8 }).map((characters) => `"${characters.join("")}"`);

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom("-0", "1E400", "12345678901234567890123", "0.10", "1e-9", "3.0", "1.5e+10"),
);

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom("true", "false", "null"),
    number,
    string,
    fc.tuple(gap, fc.array(fc.tuple(tie("value"), gap), { maxLength: 4 })).map(([first, elements]) =>
      `[${first}${elements.map(([element, after]) => element + after).join(",")}]`
    ),
    fc.tuple(gap, fc.array(fc.tuple(string, gap, gap, tie("value"), gap), { maxLength: 4 })).map(([first, members]) =>
      `{${first}${members.map(([name, before, behind, inner, after]) => `${name}${before}:${behind}${inner}${after}`)}}`
    ),
  ),
}));

const name = fc.oneof(
  fc.constantFrom('"model"', '"mod\\u0065l"', '"id_slot"', '"id_sl\\u006ft"', '"stream"', '"n"'),
  string,
);

/** An object's text, and the text of each member from its name to the end of its value. */
export const jsonObjects = fc.tuple(
  gap,
  gap,
  fc.array(fc.record({ name, before: gap, behind: gap, value, left: gap, right: gap }), { maxLength: 7 }),
  gap,
).map(([outside, inside, members, after]) => {
  const texts = members.map((member) => ({
    name: String(JSON.parse(member.name)),
    text: `${member.name}${member.before}:${member.behind}${member.value}`,
  }));
  const joined = members.map(({ left, right }, index) => `${left}${texts[index]?.text}${right}`).join(",");
  return { text: `${outside}{${members.length === 0 ? inside : joined}}${after}`, members: texts };
});
