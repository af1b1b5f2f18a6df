// A passage with the places of gold and predicted answers marked.

const PLACES = 20;
const WORD = /[\p{L}\p{N}]/u;
const HAN = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

// Whether a word goes on across the border before `place`: "art" is no place in "part". Han is written without gaps.
function insideWord(text, place) {
  const before = text[place - 1] || "", after = text[place] || "";
  return WORD.test(before) && WORD.test(after) && !HAN.test(before) && !HAN.test(after);
}

// Where a text stands in a passage, as whole words: [begin, end] each.
function placesOf(passage, text) {
  const found = [];
  if (!text) return found;
  for (let at = passage.indexOf(text); at >= 0 && found.length < PLACES; at = passage.indexOf(text, at + 1)) {
    if (!insideWord(passage, at) && !insideWord(passage, at + text.length)) found.push([at, at + text.length]);
  }
  return found;
}

// The passage as an element; `predicted` are [label, answer].
function markedPassage(passage, gold, predicted) {
  const spans = [];
  for (const text of gold) for (const [begin, end] of placesOf(passage, text)) spans.push({ begin, end, gold: true });
  const byText = new Map();
  for (const [label, answer] of predicted) if (answer) byText.set(answer, [...(byText.get(answer) || []), label]);
  for (const [text, labels] of byText) {
    for (const [begin, end] of placesOf(passage, text)) spans.push({ begin, end, labels });
  }
  const borders = [...new Set([0, passage.length, ...spans.flatMap((span) => [span.begin, span.end])])];
  borders.sort((a, b) => a - b);
  const element = make("p", { class: "passage" });
  for (let i = 0; i + 1 < borders.length; i++) {
    const [begin, end] = [borders[i], borders[i + 1]];
    const over = spans.filter((span) => span.begin <= begin && span.end >= end);
    const text = passage.slice(begin, end);
    if (!over.length) { element.append(text); continue; }
    const isGold = over.some((span) => span.gold);
    const labels = [...new Set(over.flatMap((span) => span.labels || []))];
    const said = [isGold ? "gold" : "", labels.length ? `answer of ${labels.join("; ")}` : ""].filter(Boolean).join(", ");
    const kind = [isGold ? "gold" : "", labels.length ? "predicted" : ""].filter(Boolean).join(" ");
    element.append(make("mark", { class: kind, title: said }, text));
  }
  return element;
}
