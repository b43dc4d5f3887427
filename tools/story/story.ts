import {
  characters,
  colours,
  creatures,
  endings,
  foods,
  names,
  opening,
  people,
  places,
  plots,
  remarks,
  requests,
  skills,
  strangeWords,
  toys,
  warmThings,
} from "./grammar.ts";

type Random = () => number;
type Parts = Readonly<Record<string, string>>;

/** One document of the corpus: what somebody asked for, which may be nothing, and the story that answers it. */
export interface Example {
  readonly request: string;
  readonly story: string;
  /** The story's sentences, in order. */
  readonly sentences: readonly string[];
}

/** Makes one story and a request that fits it. */
export function makeExample(random: Random): Example {
  const plot = pick(plots, random);
  const parts = castStory(random);
  const end = random() < 0.5 ? [] : ["The end."];
  const patterns = [...opening, ...plot.sentences, pick(endings, random), ...end];
  const sentences = patterns.map((pattern) => expand(pattern, parts, random));
  return { request: makeRequest(plot.topics, parts, random), story: sentences.join(" "), sentences };
}

/** The parts of one story, by the names that the grammar gives them. */
function castStory(random: Random): Parts {
  const hero = castCharacter(random);
  let friend = castCharacter(random);
  while (friend.name === hero.name || friend.kind === hero.kind) friend = castCharacter(random);
  const [at, place] = pick(places, random);
  const [colour, toy, food] = [pick(colours, random), pick(toys, random), pick(foods, random)];
  const he = pronouns(hero.pronoun);
  const fhe = pronouns(friend.pronoun);
  return {
    Name: hero.name,
    kind: hero.kind,
    akind: withArticle(hero.kind),
    acharacter: withArticle(`${pick(characters, random)} ${hero.kind}`),
    ...he,
    Friend: friend.name,
    friend: friend.kind,
    afriend: withArticle(friend.kind),
    Afriend: capital(withArticle(friend.kind)),
    fhe: fhe.he,
    FHe: fhe.He,
    fhim: fhe.him,
    at,
    place,
    colour,
    acolour: withArticle(colour),
    toy,
    atoy: withArticle(`${colour} ${toy}`),
    toy2: pick(warmThings, random),
    food,
    afood: withArticle(food),
    skill: pick(skills, random),
  };
}

function castCharacter(random: Random): { name: string; kind: string; pronoun: "she" | "he" } {
  const pronoun = random() < 0.5 ? "she" : "he";
  const kind = random() < 0.25 ? pick(people[pronoun], random) : pick(creatures, random);
  return { name: pick(names[pronoun], random), kind, pronoun };
}

function pronouns(pronoun: "she" | "he"): { he: string; He: string; him: string; his: string; himself: string } {
  return pronoun === "she"
    ? { he: "she", He: "She", him: "her", his: "her", himself: "herself" }
    : { he: "he", He: "He", him: "him", his: "his", himself: "himself" };
}

/** What somebody may have said before this story: nothing, a request for it, or something that has nothing to do with it. */
function makeRequest(topics: readonly string[], parts: Parts, random: Random): string {
  const chance = random();
  if (chance < 0.3) return "";
  if (chance < 0.5) return expand(pick(remarks, random), { stop: makeStop(random) }, random);
  if (chance < 0.6) return makeNonsense(random);
  const topic = expand(pick([...topics, ...castTopics], random), parts, random);
  return expand(pick(requests, random), { topic, stop: makeStop(random) }, random);
}

const castTopics: readonly string[] = [
  "{acharacter}",
  "{akind}",
  "{akind} and {afriend}",
  "{akind} named {Name}",
  "{Name}",
  "{Name} and {Friend}",
  "{Name} the {kind}",
  "the {kind}",
  "{akind} {at} the {place}",
  "the {place}",
];

function makeStop(random: Random): string {
  return pick([".", "", "", "!"], random);
}

/** A request of words that no story knows, and of letters that are no words. */
function makeNonsense(random: Random): string {
  const length = 1 + Math.floor(random() * 8);
  const words = Array.from({ length }, () => random() < 0.5 ? pick(strangeWords, random) : makeLetters(random));
  return words.join(" ") + pick(["", ".", "?", "!", ":"], random);
}

function makeLetters(random: Random): string {
  const length = 1 + Math.floor(random() * 7);
  const kind = random();
  if (kind < 0.1) return String(Math.floor(random() * 1000));
  // Mostly a to z; else anything up to the scripts of East Asia, so that every byte is seen.
  const [first, count] = kind < 0.9 ? [97, 26] : [0xa1, 0x9000];
  const codes = Array.from({ length }, () => first + Math.floor(random() * count));
  const letters = String.fromCodePoint(...codes);
  return random() < 0.3 ? capital(letters) : letters;
}

/** Chooses among the alternatives of a pattern, the innermost first, and puts the parts in. */
function expand(pattern: string, parts: Parts, random: Random): string {
  let text = pickSentence(pattern, random);
  while (text.includes("[")) text = text.replace(/\[([^[\]]*)\]/, (_, inner: string) => pick(inner.split("|"), random));
  return text.replace(/\{(\w+)\}/g, (_, name: string) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`the grammar names {${name}}, which stories do not have: ${pattern}`);
    return part;
  });
}

/** One of the whole sentences that bars outside of brackets separate. */
function pickSentence(pattern: string, random: Random): string {
  const whole: string[] = [""];
  let depth = 0;
  for (const letter of pattern) {
    if (letter === "[") depth++;
    if (letter === "]") depth--;
    if (letter === "|" && depth === 0) whole.push("");
    else whole[whole.length - 1] += letter;
  }
  return pick(whole, random);
}

function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function pick<T>(from: readonly T[], random: Random): T {
  const picked = from[Math.floor(random() * from.length)];
  if (picked === undefined) throw new Error("there is nothing to pick from");
  return picked;
}
