"""The page as text: nothing from elsewhere in it, its policy names its own script, the same material the same bytes."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from report_runs import HOSTILE, gold_of, many_questions, write_data, write_run, write_runs

from ham_mrc.report.gather import gather
from ham_mrc.report.page import render, write_report


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.texts:
            self.texts[self.cdata_elem].append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(folder: Path) -> str:
    return render(gather(write_runs(folder, many_questions(40), (1, 5), (1, 2)), resamples=100))


def test_no_address_but_places_within(tmp_path: Path) -> None:
    found = Elements(page(tmp_path))
    for tag, attributes in found.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        for name in ("src", "href", "action", "style", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?:", "".join(found.texts["style"]))
    assert "https:" not in found.texts["script"][-1]


def test_policy_names_the_script_and_the_style(tmp_path: Path) -> None:
    found = Elements(page(tmp_path))
    (policy,) = [one["content"] for one in found.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    for kind, text in (("script", found.texts["script"][-1]), ("style", found.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in (policy or "")
    assert (policy or "").startswith("default-src 'none';")


def test_torch_is_not_needed() -> None:
    asked = "import sys, ham_mrc.report.page, ham_mrc.report.gather; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_every_section_and_what_the_levels_mean(tmp_path: Path) -> None:
    text = page(tmp_path)
    sections = [one["id"] for one in Elements(text).of("section")]
    assert sections == ["comparison", "depth", "levels", "training", "breakdowns", "questions"]
    # `write_run` logs changes of 0.019, 0.0047 and then 0.0001 for levels 2 to 5.
    assert "levels 3 to 5 agree to 0.001 in every seed" in text
    assert "They are one function: levels beyond 3 add nothing that level 3 has not." in text
    assert "match-lstm, depth 1: one level, ordinary attention." in text


def test_saved_scores_alone_still_make_a_page(tmp_path: Path) -> None:
    (run,) = write_runs(tmp_path, many_questions(10), (1,))
    saved = Path(shutil.copy(run / "scores.json", tmp_path / "saved.json"))
    text = render(gather([saved], resamples=100))
    assert [one["id"] for one in Elements(text).of("section")] == ["comparison", "questions"]
    assert "holds scores alone: no answers, no training log." in text
    assert "The references are not here: questions, passages and breakdowns are missing." in text


def test_names_are_escaped(tmp_path: Path) -> None:
    document = many_questions(10)
    data = write_data(tmp_path / "data", document)
    run = write_run(tmp_path / "run", data, gold_of(document), reader=HOSTILE)
    text = render(gather([run], resamples=100))
    assert HOSTILE not in text
    assert len(Elements(text).of("script")) == 2


def test_same_material_same_bytes_written_whole(tmp_path: Path) -> None:
    material = gather(write_runs(tmp_path, many_questions(10), (1, 2)), resamples=100)
    sizes = [write_report(tmp_path / name, material) for name in ("a.html", "b.html")]
    first, second = ((tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second
    assert sizes == [len(first)] * 2
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".html", "")]
