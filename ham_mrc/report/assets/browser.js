// The parts put together: what is typed or chosen filters the list, what is chosen there is shown beside it.

const MOST_SIGNS = 12; // what a row of the list has room for beside the gold answer

async function start() {
  const at = (id) => document.getElementById(id);
  const data = await unpacked("questions-data"), traces = await unpacked("traces-data");
  const outcomes = outcomesOf(data), filter = makeFilter(data, outcomes, traces);
  const detail = at("detail"), list = at("list"), count = at("count"), fields = ["search", "outcome", "run", "type", "order"];
  let shownNow = null;

  function row(i) {
    const question = data.questions && data.questions[i] !== null ? data.questions[i] : data.ids[i];
    const right = outcomes.filter((own) => own[i] === RIGHT).length;
    const signs = make("span", { class: "signs" },
      ...(outcomes.length <= MOST_SIGNS ? outcomes.map((own) => sign(own[i])) : [data.right ? `${right} of ${data.runs.length} right` : ""]));
    const said = data.right ? `right in ${right} of ${data.runs.length}` : "";
    const gold = data.gold ? data.gold[i][0] || "no answer" : "";
    return make("div", { "aria-label": [question, said].filter(Boolean).join("; "), title: said },
      make("span", { class: "text", dir: "auto" }, question), make("span", { class: "under" }, signs, make("span", { class: "text" }, gold)));
  }

  function choose(i, byHand) {
    if (i !== shownNow) {
      shownNow = i;
      if (i === null) detail.replaceChildren(make("p", { class: "note" }, "No question fits."));
      else detail.replaceChildren(...detailOf(data, outcomes, traces, i));
      detail.scrollTop = 0;
    }
    // On a phone the question stands below the list.
    if (byHand && detail.offsetTop > list.offsetTop + 40) detail.scrollIntoView({ block: "start" });
    if (byHand) detail.focus({ preventScroll: true });
  }

  const view = makeList(list, at("rows"), row, choose);
  function update() {
    const begun = performance.now();
    const wanted = Object.fromEntries(fields.map((name) => [name, at(name) ? at(name).value : ""]));
    const found = filter(wanted);
    view.show(found);
    const all = data.ids.length.toLocaleString("en");
    count.textContent = found.length === data.ids.length ? `${all} questions` : `${found.length.toLocaleString("en")} of ${all} questions`;
    count.dataset.milliseconds = (performance.now() - begun).toFixed(1);
  }

  at("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const name of fields) if (at(name)) at(name).addEventListener(name === "search" ? "input" : "change", update);
  at("search").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); list.focus(); }
  });
  detail.addEventListener("keydown", (event) => { if (event.key === "Escape") { list.focus(); list.scrollIntoView({ block: "nearest" }); } });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest && event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); at("search").focus(); }
  });
  update();
  document.documentElement.dataset.ready = "";
}

if (typeof DecompressionStream === "undefined") {
  document.getElementById("count").textContent = "This browser is too old to unpack the questions (it lacks DecompressionStream).";
} else {
  start().catch((error) => { document.getElementById("count").textContent = `The questions cannot be shown: ${error.message}`; });
}
