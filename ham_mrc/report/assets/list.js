// A list of any length, of which only what is in sight has elements.

const ROW = 58;

function makeList(list, rows, draw, choose) {
  let shown = [], chosen = -1;
  const drawn = new Map();

  function paint() {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW) - 4);
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / ROW) + 4);
    for (const [place, element] of drawn) {
      if (place < first || place >= last) { element.remove(); drawn.delete(place); }
    }
    for (let place = first; place < last; place++) {
      if (drawn.has(place)) continue;
      const element = draw(shown[place]);
      element.id = `row-${shown[place]}`;
      element.classList.add("row");
      element.setAttribute("role", "option");
      element.setAttribute("aria-setsize", shown.length);
      element.setAttribute("aria-posinset", place + 1);
      element.style.top = `${place * ROW}px`;
      element.addEventListener("click", () => select(place, true));
      drawn.set(place, element);
      rows.append(element);
    }
    for (const [place, element] of drawn) element.setAttribute("aria-selected", place === chosen);
    if (drawn.has(chosen)) list.setAttribute("aria-activedescendant", `row-${shown[chosen]}`);
    else list.removeAttribute("aria-activedescendant");
  }

  function select(place, byHand) {
    if (!shown.length) return;
    chosen = Math.max(0, Math.min(shown.length - 1, place));
    const top = chosen * ROW;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (top + ROW > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW - list.clientHeight;
    paint();
    choose(shown[chosen], byHand);
  }

  list.addEventListener("scroll", paint, { passive: true });
  window.addEventListener("resize", paint);
  list.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(list.clientHeight / ROW) - 1);
    const moves = { ArrowDown: chosen + 1, ArrowUp: chosen - 1, PageDown: chosen + page, PageUp: chosen - page,
      Home: 0, End: shown.length - 1 };
    if (event.key in moves) { event.preventDefault(); select(moves[event.key], false); }
    if (event.key === "Enter" && chosen >= 0) { event.preventDefault(); choose(shown[chosen], true); }
  });

  return {
    // Show these questions; the chosen one stays chosen where it is among them.
    show(questions) {
      const kept = chosen >= 0 ? questions.indexOf(shown[chosen]) : -1;
      shown = questions;
      for (const element of drawn.values()) element.remove();
      drawn.clear();
      rows.style.height = `${shown.length * ROW}px`;
      chosen = kept;
      list.scrollTop = kept >= 0 ? Math.max(0, kept * ROW - list.clientHeight / 2) : 0;
      if (kept < 0 && shown.length) select(0, false);
      else paint();
      if (!shown.length) choose(null, false);
    },
  };
}
