// One question in full: its answers, its passages, its attention.

const OUTCOMES = { [RIGHT]: "right", [WRONG]: "wrong", [UNKNOWN]: "not counted" };

function score(value) {
  return value === null ? "" : value.toFixed(1);
}

function shownAnswer(answers, i) {
  if (!answers) return make("em", {}, "not stored");
  if (answers[i] === null) return make("em", {}, "none given");
  return answers[i] === "" ? make("em", {}, "no answer") : answers[i];
}

// Who gave an answer: systems, with their seeds where only some of these did.
function givenBy(data, runs) {
  const parts = [];
  for (const row of new Set(runs.map((run) => data.rowOf[run]))) {
    const own = runs.filter((run) => data.rowOf[run] === row), all = data.rowOf.filter((other) => other === row);
    const seeds = own.length < all.length ? ` (${own.length > 1 ? "seeds" : "seed"} ${own.map((run) => data.seeds[run]).join(", ")})` : "";
    parts.push(make("li", {}, data.rows[row] + seeds));
  }
  return make("ul", { class: "given" }, ...parts);
}

// One line for each different answer.
function answerTable(data, outcomes, i) {
  const groups = new Map();
  data.runs.forEach((_, run) => {
    const answers = data.answers[run];
    const key = JSON.stringify([answers ? answers[i] : 0, outcomes[run][i], ...data.scores[run].map((metric) => metric[i])]);
    groups.set(key, [...(groups.get(key) || []), run]);
  });
  const head = ["answer", ...data.metrics, ...(data.right ? ["outcome"] : []), "given by"];
  const rows = [...groups.values()].map((runs) => {
    const [run] = runs, outcome = outcomes[run][i];
    const cells = data.scores[run].map((metric, m) => make("td", { class: "right figure", "data-label": data.metrics[m] }, score(metric[i])));
    const verdict = make("td", { class: "verdict" }, sign(outcome), OUTCOMES[outcome]);
    return make("tr", {}, make("th", { class: "answer", scope: "row", dir: "auto" }, shownAnswer(data.answers[run], i)),
      ...cells, data.right ? verdict : null, make("td", { class: "by" }, givenBy(data, runs)));
  });
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Answers" },
    make("table", { class: "answers" }, make("thead", {}, make("tr", {}, ...head.map((text, n) =>
      make("th", { scope: "col", class: n > 0 && n <= data.metrics.length ? "right" : null }, text)))),
      make("tbody", {}, ...rows)));
}

// Filled for right, hollow for wrong: told apart without colour.
function sign(outcome) {
  return make("span", { class: `sign is-${OUTCOMES[outcome].split(" ")[0]}`, "aria-hidden": "true" });
}

function passagesView(data, i) {
  const view = make("div", {}), gold = data.gold[i].filter(Boolean);
  const places = make("div", {});
  function show(choice) {
    const runs = data.runs.map((label, run) => [label, data.answers[run] ? data.answers[run][i] : null]);
    const predicted = choice === 0 ? runs : [runs[choice - 1]];
    const several = data.passagesOf[i].length > 1;
    places.replaceChildren(...data.passagesOf[i].flatMap((place, number) => [
      several ? make("h5", {}, `Passage ${number + 1}`) : null,
      data.passages[place] ? markedPassage(data.passages[place], gold, predicted) : make("p", { class: "note" }, "Left out."),
    ].filter(Boolean)));
  }
  if (!data.passagesOf[i].length) return make("p", { class: "note" }, "The passage is not at hand.");
  const select = chooser("Mark answers of", ["every result", ...data.runs], show);
  if (data.runs.length < 2) select.hidden = true;
  const legend = make("p", { class: "note legend-line" }, make("mark", { class: "gold" }, "gold"), " ",
    make("mark", { class: "predicted" }, "answered"), " ", make("mark", { class: "gold predicted" }, "both"),
    " wherever the text stands in the passage: stored answers are texts, not places.");
  show(0);
  view.append(make("h4", {}, data.passagesOf[i].length > 1 ? "Passages" : "Passage"), select, places, legend);
  return view;
}

function detailOf(data, outcomes, traces, i) {
  const question = data.questions && data.questions[i] !== null ? data.questions[i] : data.ids[i];
  const parts = [make("h3", { dir: "auto" }, question)];
  const facts = [data.ids[i], data.types && data.types.length ? `type: ${data.typeNames[data.types[i]]}` : ""];
  parts.push(make("p", { class: "note" }, facts.filter(Boolean).join("; ")));
  if (data.gold) {
    const gold = data.gold[i];
    parts.push(make("h4", {}, gold.length > 1 ? "Gold answers" : "Gold answer"));
    parts.push(make("ul", { class: "gold-list" }, ...(gold.length ? gold : [""]).map((text) =>
      make("li", {}, text === "" ? make("em", {}, "no answer") : text))));
  }
  parts.push(make("h4", {}, "Answers"), answerTable(data, outcomes, i));
  if (data.passagesOf) parts.push(passagesView(data, i));
  if (traces && traces[i]) parts.push(attentionView(traces[i], data.runs));
  return parts;
}
