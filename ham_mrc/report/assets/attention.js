// Traced attention: the words of question and passage shaded by what a word attends to, level by level.

const SCALE = 10000;

function percent(value) {
  return `${(100 * value / SCALE).toFixed(2)} %`;
}

// A choice of several with a label; nothing to choose from gives nothing to see.
function chooser(label, options, change) {
  const select = make("select", {}, ...options.map((text, i) => make("option", { value: i }, text)));
  select.addEventListener("change", () => change(Number(select.value)));
  return make("label", { hidden: options.length < 2 }, `${label} `, select);
}

// Words in a row, one of which may be chosen by click or arrow keys; shade(weights) colours them.
function wordRow(label, tokens, choose) {
  const words = tokens.map((token, i) => make("span", choose ? { class: "word", role: "option", "data-place": i } : { class: "word" }, token));
  const row = make("p", choose ? { class: "words", role: "listbox", tabindex: 0, "aria-label": label, "aria-orientation": "horizontal" } : { class: "words" });
  for (const word of words) row.append(word, " ");
  let at = 0;
  function move(place) {
    at = Math.max(0, Math.min(words.length - 1, place));
    choose(at);
  }
  if (choose) {
    row.addEventListener("click", (event) => {
      const word = event.target.closest(".word");
      if (word) move(Number(word.dataset.place));
    });
    row.addEventListener("keydown", (event) => {
      const moves = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: words.length - 1 };
      if (event.key in moves) { event.preventDefault(); move(moves[event.key]); }
    });
  }
  return {
    element: row,
    at: (place) => { at = place; },
    pick(place) { words.forEach((word, i) => { word.classList.toggle("picked", i === place); if (choose) word.setAttribute("aria-selected", i === place); }); },
    shade(weights) {
      const most = weights ? Math.max(...weights, 1) : 1;
      words.forEach((word, i) => {
        word.style.setProperty("--w", weights ? weights[i] / most : 0);
        if (weights) word.title = percent(weights[i]); else word.removeAttribute("title");
      });
    },
  };
}

function levelTable(question, weights, levels, query, level) {
  const most = Math.max(1, ...levels.flatMap((one) => one[query]));
  const head = make("tr", {}, make("th", { scope: "col" }, "level"), make("th", { scope: "col" }, "weight"),
    ...question.map((token) => make("th", { scope: "col" }, token)));
  const rows = levels.map((one, i) => {
    const cells = one[query].map((weight) => {
      const cell = make("td", { class: "heat", title: percent(weight) }, (weight / SCALE).toFixed(2));
      cell.style.setProperty("--w", weight / most);
      return cell;
    });
    return make("tr", { class: i === level ? "now" : null }, make("th", { scope: "row" }, String(i + 1)),
      make("td", {}, weights[i].toFixed(3)), ...cells);
  });
  return make("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Attention of every level" },
    make("table", { class: "levels" }, make("thead", {}, head), make("tbody", {}, ...rows)));
}

// The word at which an answer begins, the first where it is not found.
function placeOf(answer, tokens) {
  const wanted = answer.replace(/\s/g, "");
  for (let i = 0; wanted && i < tokens.length; i++) {
    let joined = "";
    for (let j = i; j < tokens.length && joined.length < wanted.length; j++) joined += tokens[j];
    if (joined === wanted) return i;
  }
  return 0;
}

// One part of a site, with its controls.
function partView(trace, site, part) {
  const tokens = trace.rows[part.row], toQuestion = site.keys === "question", single = site.queries === "row";
  const view = make("div", {});
  let level = 0, query = placeOf(trace.answer, tokens), key = null;
  const passage = wordRow("Words of the passage", tokens, single ? null : (place) => { query = place; key = null; update(); });
  const question = wordRow("Words of the question", trace.question, toQuestion && !single ? (place) => { key = place; update(); } : null);
  const slider = make("input", { type: "range", min: 1, max: part.levels.length, value: 1, "aria-label": "Level" });
  const output = make("output", {});
  const said = make("p", { class: "note", "aria-live": "polite" });
  const table = make("div", {});
  slider.addEventListener("input", () => { level = Number(slider.value) - 1; update(); });
  function update() {
    const own = part.levels[level];
    output.textContent = `${level + 1} of ${part.levels.length}, weight ${site.weights[level].toFixed(3)}`;
    passage.pick(single || key !== null ? -1 : query);
    question.pick(key === null ? -1 : key);
    if (key !== null) {
      passage.shade(own.map((row) => row[key]));
      question.shade(null);
      said.textContent = `How much each word of the passage attends to "${trace.question[key]}".`;
    } else {
      (toQuestion ? question : passage).shade(own[query]);
      if (toQuestion) passage.shade(null);
      said.textContent = single ? "What the whole question attends to in the passage."
        : `What "${tokens[query]}" attends to${toQuestion ? " in the question" : ""}.`;
    }
    if (toQuestion) table.replaceChildren(levelTable(trace.question, site.weights, part.levels, key === null ? query : 0, level));
    table.hidden = key !== null;
  }
  const control = make("label", { hidden: part.levels.length < 2 }, "Level ", slider, " ", output);
  view.append(control, said, make("h5", {}, "Question"), question.element, make("h5", {}, "Passage"), passage.element, table);
  view.append(make("p", { class: "note" }, single ? "The stronger the colour, the more of the weight."
    : "Choose a word by click or arrow keys. The stronger the colour, the more of the weight; the strongest has the most of those shown."));
  passage.at(query);
  update();
  return view;
}

// All that was traced of one question.
function attentionView(traces, runs) {
  const place = make("div", {}), controls = make("div", { class: "controls" });
  let trace = traces[0];
  function showPart(site, part) { place.replaceChildren(partView(trace, site, part)); }
  function showSite(site) {
    const names = site.parts.map((part) => [trace.rows.length > 1 ? `passage ${part.row + 1}` : "", part.direction].filter(Boolean).join(", ") || "all");
    below.replaceChildren(chooser("Read", names, (i) => showPart(site, site.parts[i])));
    showPart(site, site.parts[0]);
  }
  const below = make("span", {}), sites = make("span", {});
  function showTrace() {
    if (!trace.sites.length) { place.replaceChildren(make("p", {}, "Too large for this page.")); return; }
    sites.replaceChildren(chooser("Site", trace.sites.map((site) => site.name), (i) => showSite(trace.sites[i])));
    showSite(trace.sites[0]);
  }
  controls.append(chooser("Of", traces.map((one) => runs[one.run]), (i) => { trace = traces[i]; showTrace(); }), sites, below);
  showTrace();
  const title = traces.length > 1 ? "Attention" : `Attention of ${runs[traces[0].run]}`;
  return make("section", { class: "attention" }, make("h4", {}, title), controls, place);
}
