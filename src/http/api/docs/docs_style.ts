import type { Markup } from "./markup.ts";

/** The style of the `/docs` page, light and dark. */
export const docsStyle: Markup = {
  text: `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --link: #06c; }
@media (prefers-color-scheme: dark) { :root { --link: #6bf; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1rem 1.5rem 4rem; }
h1 small { font-weight: normal; opacity: .6; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1.5rem; }
h3 { margin-bottom: .3rem; }
a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
code, pre { font: 14px/1.45 ui-monospace, monospace; }
pre { background: var(--soft); border-radius: 6px; margin: .3rem 0; overflow-x: auto; padding: .7rem 1rem; }
figure { margin: .6rem 0; }
figcaption { font-size: 14px; opacity: .7; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .35rem 1rem .35rem 0; vertical-align: top; }
td i { font-size: 13px; opacity: .7; }
details { border-top: 1px solid var(--line); padding: .4rem 0; }
summary { cursor: pointer; }
.media { margin: .4rem 0; }
.method { border-radius: 5px; color: #fff; font-size: 15px; padding: .2rem .6rem; background: #257; }
.method.post { background: #274; }
.status { display: inline-block; min-width: 2.5rem; }
.s2 { color: #2a7; } .s4 { color: #b70; } .s5 { color: #c34; }
`,
};
