/**
 * The words and plots of the stories. A sentence names parts of its story in braces (`{Name}`, `{he}`; `{place}` is where it
 * happens, see `story.ts`) and writes alternatives as `[one|other]`.
 */

/** Somebody's name goes with a pronoun. */
export const names = Object.freeze({
  she: ["Lily", "Mia", "Anna", "Rosie", "Emma", "Lucy", "Nora", "Ella", "Daisy", "Ruby", "Clara", "Molly"],
  he: ["Tom", "Ben", "Max", "Sam", "Leo", "Jack", "Finn", "Oscar", "Toby", "Hugo", "Noah", "Theo"],
});

/** What anybody can be. */
export const creatures: readonly string[] = Object.freeze([
  ..."cat dog fox bear rabbit mouse bird duck frog squirrel hedgehog owl turtle pony dragon robot lion pig".split(" "),
]);

/** What only those can be whose pronoun it is. */
export const people = Object.freeze({ she: ["girl", "girl", "princess"], he: ["boy", "boy", "prince"] });

export const characters: readonly string[] = Object.freeze([
  "little",
  "kind",
  "brave",
  "clever",
  "shy",
  "young",
  "happy",
]);

/** Where stories happen: a noun with the word that goes before it. */
export const places: readonly (readonly [string, string])[] = Object.freeze([
  ["in", "forest"],
  ["in", "park"],
  ["in", "garden"],
  ["at", "beach"],
  ["by", "river"],
  ["on", "hill"],
  ["by", "lake"],
  ["on", "farm"],
  ["in", "village"],
]);

export const colours: readonly string[] = Object.freeze(["red", "blue", "green", "yellow", "golden"]);
export const toys: readonly string[] = Object.freeze(["ball", "kite", "drum", "hat", "book", "boat", "bell", "scarf"]);
export const foods: readonly string[] = Object.freeze(["apple", "cake", "pie", "sandwich", "cookie", "pear"]);

/** How every story begins. */
export const opening: readonly string[] = Object.freeze([
  "[Once upon a time, there was|Once upon a time, there lived|Once there was|There once was|Long ago, there was] {acharacter} " +
  "named {Name}.",
  "{He} lived in [a small house|a cosy little house|an old house] [near|not far from] the {place}.|" +
  "{Name} lived near the {place} with {his} [mother|father|grandmother].|" +
  "{Name} liked to [play|sing|run|walk] {at} the {place}.",
]);

/** How every story ends. */
export const endings: readonly string[] = Object.freeze([
  "From that day on, {Name} and {Friend} were best friends.",
  "{Name} and {Friend} became good friends, and they [played|talked|laughed] together every day.",
  "{Name} and {Friend} went home, happy and tired.",
  "That night, {Name} fell asleep with a smile.",
  "And they all lived happily ever after.",
  "It was the best day ever.",
]);

/** A plot: what it is about, as a request for it may say, and its sentences. */
export interface Plot {
  readonly topics: readonly string[];
  readonly sentences: readonly string[];
}

const meeting = "[Just then|Soon|Then], {afriend} named {Friend} came [by|along].";
const day = "[One day|One sunny day|One morning|One warm afternoon]";

export const plots: readonly Plot[] = Object.freeze([
  {
    topics: ["a lost {toy}", "{atoy}", "losing {atoy}"],
    sentences: [
      "{He} had {atoy} that {he} [loved very much|took everywhere|liked best of all].",
      `${day}, {he} went to the {place} to play with the {toy}.`,
      "But when it was time to go home, the {toy} was gone!",
      "{Name} looked [behind the trees|under every bush|everywhere], but {he} could not find it. {He} began to cry.",
      meeting,
      '"Why are you [sad|crying]?" asked {Friend}.',
      '"I lost my {colour} {toy}," said {Name}.',
      '"[Do not worry|Do not cry]," said {Friend}. "[I will help you|We will find it together]."',
      "They looked and looked. At last, {Friend} saw the {toy} [under a bush|behind a big stone|in the tall grass].",
      '{Name} [was very happy|jumped with joy]. "Thank you, {Friend}!" {he} said.',
    ],
  },
  {
    topics: ["helping", "help", "{afriend} who needs help"],
    sentences: [
      `${day}, {Name} was walking {at} the {place} when {he} heard a [small|strange|sad] sound.`,
      '"Help! Help!" [cried|called] a voice.',
      "{Name} ran [to see what it was|as fast as {he} could]. It was {afriend} named {Friend}, stuck in [the mud|a deep hole|a big net].",
      '"Please help me," said {Friend}. "I cannot get out."',
      "{Name} found a long [rope|stick] and [pulled|pulled and pulled] with all {his} strength.",
      "[At last|Pop! Suddenly|After a while], {Friend} was free.",
      '"You saved me!" said {Friend}. "How can I thank you?"',
      '"You can be my friend," said {Name} with a smile.',
    ],
  },
  {
    topics: ["sharing", "{afood}", "being kind", "food"],
    sentences: [
      `${day}, {his} mother gave {him} {afood}. It smelled [so good|very sweet|wonderful].`,
      "{Name} sat down {at} the {place} to eat it.",
      meeting,
      "{FHe} looked [hungry|sad and hungry].",
      '"I have had nothing to eat all day," said {Friend}.',
      "{Name} looked at the {food}. {He} wanted to eat it all, but {he} knew what was right.",
      '"We can share it," said {Name}, and {he} gave half of the {food} to {Friend}.',
      '"[You are so kind|That is so nice of you]!" said {Friend}.',
      "They ate together, and the {food} tasted [even better|twice as good] that way.",
    ],
  },
  {
    topics: ["learning to {skill}", "{acharacter} who wants to {skill}", "not giving up"],
    sentences: [
      "{Name} wanted to learn to {skill}, but {he} [was afraid|did not know how].",
      `${day}, {he} went to the {place} and tried. It did not go well.`,
      '"I will never learn it," said {Name} sadly.',
      meeting,
      '"I can {skill}," said {Friend}. "I will show you how."',
      "{Name} tried again. And again. And again.",
      '"Do not give up," said {Friend}. "You can do it!"',
      "Then [it worked|something wonderful happened]. {Name} could {skill} all by {himself}!",
      '"[Look at me|I did it]!" {he} [shouted|called]. {He} felt very proud.',
    ],
  },
  {
    topics: ["the rain", "a storm", "a rainbow"],
    sentences: [
      `${day}, {Name} was playing {at} the {place} when dark clouds came. It began to rain.`,
      "{Name} ran home and closed the door. It was warm and dry inside.",
      "Then there was a knock at the door. It was {afriend} named {Friend}, all wet and cold.",
      '"May I come in?" asked {Friend}.',
      '"Of course," said {Name}. "[Sit by the fire|Come and get warm]."',
      "{Name} made [hot tea|hot soup|warm milk], and they told each other stories until the rain stopped.",
      "When they looked out, there was a [big|beautiful|bright] rainbow over the {place}.",
      '"[It is so beautiful|How pretty]!" said {Friend}.',
    ],
  },
  {
    topics: ["a birthday", "a party", "a present", "a gift"],
    sentences: [
      "{Name} had a friend, {afriend} named {Friend}.",
      "[One day|One morning], it was the birthday of {Friend}, but {Name} had no present.",
      '"What can I give {fhim}?" thought {Name}.',
      "{He} went to the {place} and thought about it. Then {he} had an idea.",
      "{Name} worked all day and made {atoy} and {afood}.",
      '"Happy birthday!" said {Name} when {Friend} opened the door.',
      '"You made this for me?" asked {Friend}. "It is the best present ever!"',
      "They ate the {food} and played with the {colour} {toy} until the sun went down.",
    ],
  },
  {
    topics: ["the night", "the dark", "being brave", "being afraid of the dark", "the moon"],
    sentences: [
      "{Name} was afraid of the dark.",
      "One night, {he} heard a strange noise outside. Tap, tap, tap!",
      '"Who is there?" asked {Name}. Nobody answered.',
      "{He} was [scared|very scared], but {he} took a [lamp|light] and went to the door.",
      "Outside, in the light of the moon, sat {afriend} named {Friend}.",
      '"I am sorry," said {Friend}. "I lost my way to the {place}."',
      '"I know the way," said {Name}. "I will take you there."',
      "They walked [side by side|together] under the stars, and {Name} was not afraid any more.",
    ],
  },
  {
    topics: ["building a house", "a house", "working together"],
    sentences: [
      "{Name} wanted to build [a little house|a tree house|a big tower] {at} the {place}.",
      "{He} worked all day, but the wind came and blew it down.",
      '"It is too hard for me," said {Name}.',
      meeting,
      '"Two can do more than one," said {Friend}. "Let us work together."',
      "{Name} carried the wood, and {Friend} held it up. They worked [until the evening|the whole day].",
      "When the wind came again, [it could not blow it down|nothing fell down].",
      '"[We did it|We made it]!" they shouted, and they danced with joy.',
    ],
  },
  {
    topics: ["a seed", "a flower", "a tree", "a garden", "waiting"],
    sentences: [
      `${day}, {Name} found a [tiny|strange|little] seed {at} the {place}.`,
      "{He} put it into the ground and gave it water every day.",
      "But nothing happened. Days went by, and {Name} [was sad|wanted to give up].",
      meeting,
      '"A seed needs time," said {Friend}. "You have to wait."',
      "So they waited together. The sun was warm, and the rain was soft.",
      "One morning, there was a [big|beautiful|bright] {colour} flower!",
      '"It was worth the wait," said {Name}, and {he} gave one leaf to {Friend}.',
    ],
  },
  {
    topics: ["telling the truth", "being honest", "saying sorry"],
    sentences: [
      "{Name} had a good friend, {afriend} named {Friend}. {Friend} had {atoy}.",
      `${day}, {Name} played with the {toy} {at} the {place} and broke it.`,
      "{Name} was scared. At first, {he} wanted to hide it.",
      "But {he} knew that was wrong, so {he} went to {Friend} and told {fhim} the truth.",
      '"I broke your {toy}. I am very sorry," said {Name}.',
      "{Friend} was sad, but then {fhe} smiled.",
      '"Thank you for telling me the truth," said {Friend}. "We can mend it together."',
      "And so they did. Soon the {colour} {toy} was as good as new.",
    ],
  },
  {
    topics: ["a treasure", "a map", "an adventure"],
    sentences: [
      `${day}, {Name} found an old map. It showed a treasure {at} the {place}!`,
      "{He} asked {his} friend, {afriend} named {Friend}, to come along.",
      "They walked over the [bridge|hill] and through the [deep|dark] woods. It was a long way.",
      '"Are you tired?" asked {Name}. "A little," said {Friend}, "but I want to see the treasure."',
      "At last, they came to a big stone. Under the stone was a box, and in the box was {atoy}.",
      '"Who may have it?" asked {Friend}.',
      '"It belongs to both of us," said {Name}.',
      "They carried the {colour} {toy} home and played with it every day.",
    ],
  },
  {
    topics: ["snow", "the winter", "a cold day"],
    sentences: [
      "One winter morning, everything was white. Snow had come in the night!",
      "{Name} ran to the {place} to play in the snow.",
      meeting,
      "{FHe} was very cold, because {fhe} had no {toy2}.",
      '"Take my {toy2}," said {Name}. "I have a warm coat."',
      "{Friend} put it on and smiled. Then they made a big snowman.",
      "They gave him two black stones for eyes and {acolour} hat.",
      "When it got dark, {Name} made hot soup for both of them.",
    ],
  },
  {
    topics: ["a race", "being slow", "winning"],
    sentences: [
      `${day}, there was a race {at} the {place}. {Name} wanted to win it.`,
      "{Afriend} named {Friend} wanted to win, too.",
      '"One, two, three, go!" They ran as fast as they could.',
      "{Name} was first. But then {he} saw that {Friend} had fallen down.",
      '{Name} stopped and ran back. "Are you all right?" {he} asked.',
      '"My foot hurts," said {Friend}.',
      "So {Name} helped {fhim} up, and they went to the end together, hand in hand.",
      "They did not win the race, but everybody [cheered|clapped] for them.",
    ],
  },
  {
    topics: ["a wish", "a star", "magic"],
    sentences: [
      "Every night, {Name} looked up at the stars and made a wish. {He} wished for a friend.",
      "One night, a [bright|little|golden] star fell from the sky and landed {at} the {place}.",
      "{Name} ran there at once. By the star sat {afriend} named {Friend}.",
      '"Did you call me?" asked {Friend}.',
      '"I made a wish," said {Name}. "I wished for a friend."',
      '"So did I," said {Friend}, and they both laughed.',
      "They held the star in their hands, and it was warm and bright.",
      "Then the star flew back into the sky.",
    ],
  },
]);

export const skills: readonly string[] = Object.freeze(["swim", "dance", "sing", "skate", "climb", "jump"]);
export const warmThings: readonly string[] = Object.freeze(["scarf", "hat"]);

/** Ways to ask for a story; `{topic}` is what it is to be about. */
export const requests: readonly string[] = Object.freeze([
  "[Tell|Please tell|Can you tell|tell] me a [|short |little |bedtime |nice |new ]story about {topic}{stop}",
  "[Write|Please write|Can you write|write] [|me ]a [|short |little ]story about {topic}{stop}",
  "[A|a|The] [|short ]story about {topic}[|, please]{stop}",
  "[I want|I would like] [|to hear ]a story about {topic}{stop}",
  "[Do you know|Have you got] a story about {topic}?",
]);

/** Ways to ask for any story, and other things that people say first. */
export const remarks: readonly string[] = Object.freeze([
  "[Tell|Please tell|Can you tell|tell] me a [|short |little |bedtime |nice |new ]story{stop}",
  "[Write|Please write|Can you write|write] [|me ]a [|short |little |funny ]story{stop}",
  "[A story|One more|Another story|Another one|Again|More|Go on|Yes|Please|Thanks|Thank you][|, please]{stop}",
  "[Hello|Hi|hi|hello|Hey|Hi there|Hello there|Good morning|Good evening]{stop}",
  "[How are you|Who are you|What is your name|What can you do|What is this|What is new|Why][|?]",
  "[Say hello|Say something|Say hi|Test|test|This is a test|Are you there|Help me|Talk to me]{stop}",
  "[What is|Who was|Where is|Why is|How big is] [the sun|the sky|a cat|the moon|the sea|the world|a model]?",
]);

/** Words of requests that the stories do not know. */
export const strangeWords: readonly string[] = Object.freeze(
  ("France capital language model computer server code write poem explain count number list name joke weather " +
    "question answer sky sea world space car train city money science music history english german python " +
    "function program token stream press key quick brown over lazy zero ten first last big red why when where which")
    .split(" "),
);
