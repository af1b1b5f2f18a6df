"""The page as its reader meets it: from disk, without a network, by hand and by keyboard, with hostile texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_runs import HOSTILE, gold_of, many_questions, mostly_right, write_data, write_run, write_runs, write_trace
from report_visit import Visit
from squad_builders import squad_document, squad_paragraph

from ham_mrc.report.gather import gather
from ham_mrc.report.page import write_report

PASSAGE = (
    "The Isar rises in the Hinterautal. The Isar ends in the Danube near Deggendorf; "
    "an Isar part is dry, apart from partly wet weeks."
)


@pytest.fixture
def rivers(tmp_path: Path) -> Path:
    """Three questions; a is right in both, b in the second alone, c in none."""
    questions = (
        ("a", "Where does the Isar end?", "the Danube"),
        ("b", "Where does it rise?", "Hinterautal"),
        ("c", "How many parts are dry?", "Isar"),
    )
    document = squad_document({"Rivers": [squad_paragraph(PASSAGE, *questions)]})
    data = write_data(tmp_path / "data", document)
    first = {"a": "the Danube", "b": "Deggendorf", "c": "part"}
    one = write_run(tmp_path / "one", data, first, depth=1)
    two = write_run(tmp_path / "two", data, {**first, "b": "Hinterautal"}, depth=5)
    trace = write_trace(tmp_path / "trace.jsonl", document, ["a"], first, depth=5)
    return report(tmp_path, [one, two], str(trace))


def report(folder: Path, runs: list[Path], *traces: str) -> Path:
    out = folder / "report.html"
    write_report(out, gather(runs, resamples=100), traces)
    return out


def test_asks_for_nothing_but_itself(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)
    assert visit.requests == [rivers.as_uri()]
    assert visit.complaints == []
    page.evaluate("fetch('https://example.org/').catch(() => 0)")
    page.evaluate(
        "new Promise(r => { const i = new Image(); i.onerror = i.onload = r; i.src = 'http://127.0.0.1:9/x'; })"
    )
    assert [text for text in visit.complaints if "Content Security Policy" in text], "its own policy forbids more"


def test_filters(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)

    def shown() -> list[str]:
        return page.eval_on_selector_all("#rows .row", "rows => rows.map(row => row.id.slice(4))")

    def pick(**fields: str) -> list[str]:
        for name, value in {"outcome": "all", "run": "", "type": "", "order": "file", **fields}.items():
            page.select_option(f"#{name}", value)
        return shown()

    assert pick() == ["0", "1", "2"]
    assert pick(outcome="right") == ["0"]
    assert pick(outcome="wrong") == ["2"]
    assert pick(outcome="differs") == ["1"] == pick(outcome="answers")
    assert pick(outcome="right", run="1") == ["0", "1"]
    assert pick(outcome="wrong", run="0") == ["1", "2"]
    assert pick(outcome="traced") == ["0"]
    assert pick(order="worst") == ["2", "1", "0"]
    assert pick(order="gap") == ["1", "0", "2"]
    labels = page.eval_on_selector_all("#type option", "all => all.map(one => one.textContent)")
    assert labels == ["any", "where", "how many"]
    assert pick(type="1") == ["2"]
    assert page.text_content("#count") == "1 of 3 questions"


def test_search_reads_questions_answers_passages_and_ids(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)
    found = {}
    for text in ("ISAR END", "deggendorf", "ends in the Danube", "hinterautal. the", "b", "no such words"):
        page.fill("#search", text)
        found[text] = page.text_content("#count")
    assert found["ISAR END"] == "3 questions", "the passage holds it as well, and is theirs"
    assert found["ends in the Danube"] == "3 questions"
    assert found["no such words"] == "0 of 3 questions"
    assert page.inner_text("#detail") == "No question fits."
    page.fill("#search", "parts are dry")
    assert page.text_content("#detail h3") == "How many parts are dry?"


def test_marks_gold_and_predicted_spans_as_whole_words(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)

    def marks() -> list[list[str]]:
        script = "marks => marks.map(m => [m.className, m.textContent, m.title])"
        return page.eval_on_selector_all("#detail .passage mark", script)

    assert marks() == [["gold predicted", "the Danube", "gold, answer of match-lstm, depth 1; match-lstm, depth 5"]]
    page.click("#row-1")
    assert marks() == [
        ["gold predicted", "Hinterautal", "gold, answer of match-lstm, depth 5"],
        ["predicted", "Deggendorf", "answer of match-lstm, depth 1"],
    ]
    page.select_option("#detail select >> nth=0", "1")
    assert [kind for kind, *_ in marks()] == ["gold", "predicted"]
    assert page.text_content("#detail .passage") == PASSAGE
    page.click("#row-2")
    assert [text for kind, text, _ in marks() if kind == "predicted"] == ["part"], "not within another word"
    assert [text for kind, text, _ in marks() if kind == "gold"] == ["Isar", "Isar", "Isar"], "each place of the text"


def test_keyboard(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)

    def where() -> str:
        return str(page.evaluate("document.activeElement.id"))

    page.keyboard.press("/")
    assert where() == "search"
    page.keyboard.type("/r")  # a slash in a field is a slash
    assert page.input_value("#search") == "/r"
    page.fill("#search", "")
    page.keyboard.press("ArrowDown")
    assert where() == "list"
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#list", "aria-activedescendant") == "row-1"
    assert page.text_content("#detail h3") == "Where does it rise?"
    page.keyboard.press("End")
    assert page.get_attribute("#row-2", "aria-selected") == "true"
    page.keyboard.press("ArrowDown")
    assert page.get_attribute("#list", "aria-activedescendant") == "row-2", "there is nothing beyond the last"
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    assert where() == "detail"
    page.keyboard.press("Escape")
    assert where() == "list"


def test_attention_of_every_level(rivers: Path, visit: Visit) -> None:
    page = visit.open(rivers)
    assert page.text_content(".attention h4") == "Attention of match-lstm, depth 5", "told by its level weights"

    def strongest() -> list[str]:
        script = "words => words.filter(w => Number(w.style.getPropertyValue('--w')) === 1).map(w => w.textContent)"
        return page.eval_on_selector_all(".attention .words .word", script)

    # By `write_trace` word p attends to question word p + level: "Where does the Isar end?" are five.
    page.click(".attention .words >> nth=1 >> .word >> nth=2")
    assert strongest() == ["the"]
    page.fill(".attention input[type=range]", "2")
    assert strongest() == ["Isar"]
    assert page.text_content(".attention output") == "2 of 5, weight 0.258"
    page.focus(".attention .words >> nth=1")
    page.keyboard.press("ArrowRight")
    assert strongest() == ["end?"]
    cells = page.eval_on_selector_all(".levels tbody tr:nth-child(2) td.heat", "all => all.map(c => c.textContent)")
    assert cells == ["0.10", "0.00", "0.00", "0.00", "0.90"]


def test_hostile_texts_are_shown_and_never_run(tmp_path: Path, visit: Visit) -> None:
    text = f"Nobody runs {HOSTILE} here."
    document = squad_document({HOSTILE: [squad_paragraph(text, ("</script><b>1", f"What is {HOSTILE}?", HOSTILE))]})
    data = write_data(tmp_path / "data", document)
    answers = {"</script><b>1": HOSTILE}
    runs = [write_run(tmp_path / f"<b>{depth}", data, answers, depth=depth, reader=HOSTILE) for depth in (1, 2)]
    trace = write_trace(tmp_path / "trace.jsonl", document, list(answers), answers, depth=2)
    page = visit.open(report(tmp_path, runs, str(trace)))
    title = page.title()
    assert page.text_content("#detail .passage") == text
    assert page.text_content("#detail h3") == f"What is {HOSTILE}?"
    assert page.text_content("#detail .answer") == HOSTILE
    page.click("#detail .word >> nth=1")
    assert page.text_content("#comparison th[scope=row] >> nth=0").startswith(f"{HOSTILE}, depth 1")  # type: ignore[union-attr]
    assert page.query_selector_all("img, b") == []
    assert (page.title(), visit.complaints, len(visit.requests)) == (title, [], 1)
    assert page.eval_on_selector_all("script", "all => all.length") == 1, "the packed data are taken out when read"


@pytest.mark.parametrize("width", [1200, 390])
def test_no_width_scrolls_the_page_sideways(tmp_path: Path, rivers: Path, visit: Visit, width: int) -> None:
    visit.page.set_viewport_size({"width": width, "height": 800})
    page = visit.open(rivers)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def luminance(color: str) -> float:
    """WCAG 2.1's relative luminance of `rgb(r, g, b)`."""
    parts = [int(part) / 255 for part in color[4:-1].split(",")]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_can_be_told_from_the_paper(rivers: Path, visit: Visit, scheme: str) -> None:
    visit.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    page = visit.open(rivers)

    def contrast(front: str, back: str) -> float:
        script = """([front, back]) => { const e = document.body.appendChild(document.createElement("i"));
            return [front, back].map(c => { e.style.color = `var(--${c})`; return getComputedStyle(e).color; }); }"""
        a, b = sorted(map(luminance, page.evaluate(script, [front, back])))
        return (b + 0.05) / (a + 0.05)

    for back in ("paper", "panel", "gold", "said", "chosen"):
        assert contrast("ink", back) >= 7, back
    assert contrast("ink", "attend") >= 4.5
    for front in ("soft", "link", "right", "wrong"):
        assert min(contrast(front, "paper"), contrast(front, "panel")) >= 4.5, front
    for front in ("c0", "c1", "c2", "c3", "c4", "c5", "gold-line", "said-line"):
        assert contrast(front, "paper") >= 3, front


def test_many_results_leave_room_for_the_gold_answer(tmp_path: Path, visit: Visit) -> None:
    """Thirty marks are wider than the list, so there is a count instead; of ten runs each has its mark."""
    document = many_questions(10)
    gold = gold_of(document)
    first = next(iter(gold))
    for runs, marks in ((10, 10), (30, 0)):
        seeds = tuple(range(runs // 2))
        page = visit.open(report(tmp_path / str(runs), write_runs(tmp_path / str(runs), document, (1, 5), seeds)))
        answers = [mostly_right(gold, 0.6 + 0.01 * depth, seed)[first] for depth in (1, 5) for seed in seeds]
        under = page.locator("#rows .row .under").first
        assert under.locator(".sign").count() == marks
        share = "" if marks else f"{answers.count(gold[first])} of {runs} right"
        assert under.text_content() == share + gold[first]
        assert under.evaluate("one => one.scrollWidth <= one.clientWidth")


def test_ten_thousand_questions_of_five_runs(tmp_path: Path, visit: Visit) -> None:
    document = many_questions(10_000)
    file = report(tmp_path, write_runs(tmp_path / "runs", document, (1, 2, 5, 10, 20)))
    assert file.stat().st_size < 15_000_000
    page = visit.open(file)
    gold = gold_of(document)
    right = sum(mostly_right(gold, 0.61, 13)[key] == text for key, text in gold.items())
    page.select_option("#run", "0")
    for name, value in (("outcome", "right"), ("outcome", "differs"), ("outcome", "all"), ("order", "gap")):
        page.select_option(f"#{name}", value)
        if value == "right":
            assert page.text_content("#count") == f"{right:,} of 10,000 questions"
    assert float(page.get_attribute("#count", "data-milliseconds") or "nan") >= 0, "benchmarks/report.py reads it"
    page.fill("#search", "nowhere to be found")
    assert page.text_content("#count") == "0 of 10,000 questions"
    page.fill("#search", "")
    assert len(page.query_selector_all("#rows .row")) < 40, "only what is in sight has elements"
    page.focus("#list")
    page.keyboard.press("End")
    assert page.get_attribute("#list", "aria-activedescendant") is not None
    assert json.loads(page.get_attribute("#rows .row[aria-selected=true]", "aria-posinset") or "0") == 10_000
