"""A poem system's result on disk, and against a stored one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from made_poems import made_poem_result

from ham_mrc.errors import HamError
from ham_mrc.eval.poem_file import lacks, load_poem_result, save_poem_result, standing_result
from ham_mrc.eval.poem_gate import (
    check_poems,
    load_poem_baseline,
    refuse_other_protocols,
    refuse_unknown_figures,
    refuse_unmeasured,
)
from ham_mrc.eval.poem_result import PoemResult, cell_facts
from ham_mrc.eval.quatrains import PROTOCOLS

HEADLINE = PROTOCOLS[0]


def saved(folder: Path, **changes: Any) -> Path:
    file = folder / "poems.json"
    save_poem_result(file, made_poem_result(run={"system": "ppg", "seed": 1}, **changes))
    return file


def test_figures_by_hand() -> None:
    """Poems p0 and p2 have 5 characters and 3 and 5 hits, p1 and p3 7 and 7: p1 = 8/10 and 14/14."""
    result = made_poem_result(found=(3, 7, 5, 7))
    expected = 100 * math.sqrt(8 / 10 * (2 + 4) / 8)
    assert result.figures["b1_5"] == result.figures["bleu_5"] == pytest.approx(expected, abs=1e-12)
    assert result.figures["bleu_7"] == result.figures["single_bleu_7"] == 100.0
    first = next(cell_facts(result, HEADLINE))
    assert first["sentence_bleu_2"] == pytest.approx((100 * math.sqrt(3 / 5 * 2 / 4) + 100) / 2)
    assert (first["cell"], first["lines"], first["median_references"]) == ("b1_5", 2, 4)
    assert (first["p1"], first["p2"], first["brevity_penalty"]) == (80.0, 75.0, 1.0)


def test_a_cell_without_poems_has_no_figure() -> None:
    assert set(made_poem_result(found=(3,)).figures) == {
        prefix + name for prefix in ("", "single_") for name in ("b1_5", "b2_5", "b3_5", "bleu_5")
    }


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    file = saved(tmp_path, diagnostics={"planned": {"perplexity": 70.5}}, intervals={"bleu_7": (1.5, 2.0)})
    result = load_poem_result(file)
    again = load_poem_result(tmp_path)  # the run's folder
    expected = made_poem_result(
        run={"system": "ppg", "seed": 1},
        diagnostics={"planned": {"perplexity": 70.5}},
        intervals={"bleu_7": (1.5, 2.0)},
        file=str(file),
    )
    assert result == again == expected
    text = file.read_text(encoding="utf-8")
    assert '    "p1": {"length":7,"multi-planned":[[3,2,7,6,7,4],[3,2,7,6,7,4],' in text
    assert json.loads(text)["columns"]["multi-planned"]["signature"] == HEADLINE.signature("random")


def changed(file: Path, change: Any) -> Path:
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def set_to(*keys: Any, value: Any) -> Any:
    def change(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return change


FROM = "; a result comes from: ham-mrc poem eval RUN --save FILE"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_to("kind", value="other"), "is not a stored result of poems" + FROM),
        (set_to("schema", value=9), "has schema 9, this version of ham-mrc reads 1; evaluate again"),
        (set_to("poems", value=5), "holds 4 of its 5 poems" + FROM),
        (set_to("split", value=3), "'split' is not a text" + FROM),
        (set_to("per_poem", "p0", "length", value=6), "holds a poem whose length is not 5 or 7, or no poem" + FROM),
        (
            set_to("per_poem", "p0", "multi-planned", value=[[1.5] * 6] * 3),
            "is damaged (poem p0: multi-planned is not three lists of whole numbers)" + FROM,
        ),
        (
            set_to("columns", "multi-planned", "figures", "bleu_7", value=99.0),
            "bleu_7 is 99.0, its poems give 37.79644730092272" + FROM,
        ),
        (
            set_to("columns", "multi-planned", "figures", value={}),
            "'columns', 'multi-planned' has other figures than its poems give" + FROM,
        ),
        (lambda document: document.pop("human"), "is damaged ('human')" + FROM),
    ],
)
def test_damaged_results_are_refused(tmp_path: Path, change: Any, message: str) -> None:
    file = changed(saved(tmp_path), change)
    with pytest.raises(HamError) as caught:
        load_poem_result(file)
    assert str(caught.value) == f"{file}: {message}"


def test_a_run_that_was_not_evaluated(tmp_path: Path) -> None:
    with pytest.raises(HamError) as caught:
        load_poem_result(tmp_path)
    assert str(caught.value) == f"{tmp_path}: is no run folder (no poems.json)"
    (tmp_path / "config.toml").touch()
    with pytest.raises(HamError) as caught:
        load_poem_result(tmp_path)
    assert str(caught.value) == (f"{tmp_path}: has not been evaluated (no poems.json); ham-mrc poem eval {tmp_path}")


BETTER = (5, 7) * 20
WORSE = (3, 5) * 20


def gate(ours: PoemResult, baseline: PoemResult | None, **options: Any) -> list[Any]:
    return list(check_poems(ours, options.pop("minima", {}), baseline, options.pop("max_drop", {}), **options))


def test_least_values_and_drops() -> None:
    ours, before = made_poem_result(found=WORSE), made_poem_result("main", found=BETTER)
    least, *drops = gate(ours, before, minima={"single_b1_5": 50.0})
    assert least.passed  # 100 * sqrt(3/5 * 2/4) = 54.8
    assert [check.metric for check in drops] == ["bleu_5", "bleu_7", "single_bleu_5", "single_bleu_7"]
    assert not any(check.passed for check in drops)
    assert drops[1].message() == ("bleu_7 fell by 30.99 points, from 100.00 in main/poems.json to 69.01; 0.00 allowed")
    named = gate(ours, before, max_drop={"b1_7": 31.0, "bleu_7": 31.0})
    assert [check.metric for check in named if check.passed] == ["b1_7", "bleu_7"]
    assert all(check.passed for check in gate(before, ours))


def test_a_drop_that_is_not_significant_passes() -> None:
    """One poem of twenty lost a character: the coin that swaps it falls either way half of the time."""
    before = made_poem_result("main", found=BETTER)
    ours = made_poem_result(found=(*BETTER[:-1], 6))
    (drop,) = [check for check in gate(ours, before, significant=True, resamples=500) if check.metric == "bleu_7"]
    assert (drop.passed, drop.p) == (True, 1.0)
    assert drop.drop > 0
    worse = made_poem_result(found=WORSE)
    found = {check.metric: check for check in gate(worse, before, significant=True, resamples=500)}
    assert not found["bleu_7"].passed
    assert found["bleu_7"].p < 0.01
    low, high = found["bleu_7"].interval
    assert low <= found["bleu_7"].drop + 1e-9
    assert high >= found["bleu_7"].drop - 1e-9


def test_a_limit_for_no_figure_is_refused_before_any_work() -> None:
    with pytest.raises(HamError) as caught:
        refuse_unknown_figures({"bleu_6": 3.0}, "--min")
    assert str(caught.value) == (
        "--min bleu_6=3: no figure 'bleu_6'; there are: b1_5, b1_7, b2_5, b2_7, b3_5, b3_7, bleu_5, bleu_7, and these "
        "after single_, oracle_, single_oracle_"
    )
    refuse_unknown_figures(dict.fromkeys(REMEDIES, 3.0), "--min")
    with pytest.raises(HamError, match=r"--min oracle_bleu_7: this metric was not scored; there are: b1_5, "):
        gate(made_poem_result(), None, minima={"oracle_bleu_7": 3.0})


REMEDIES = {
    "bleu_7": (PROTOCOLS[1:2], "add --references both"),
    "b1_5": (PROTOCOLS[3:], "add --references both --keywords both"),
    "single_bleu_7": (PROTOCOLS[:1], "add --references both"),
    "single_b1_5": (PROTOCOLS[2:], "add --keywords both"),
    "oracle_bleu_7": (PROTOCOLS[:2], "add --keywords both"),
    "oracle_b3_5": (PROTOCOLS[1:2], "add --references both --keywords both"),
    "single_oracle_bleu_5": (PROTOCOLS[:1], "add --references both --keywords both"),
}
"""By figure: protocols that lack it, and what would give it."""


@pytest.mark.parametrize("name", REMEDIES)
def test_a_limit_for_a_figure_that_will_not_be_measured(name: str) -> None:
    protocols, remedy = REMEDIES[name]
    with pytest.raises(HamError) as caught:
        refuse_unmeasured({name: 3.0}, "--max-drop", protocols, keywords=True, multi=True)
    said = f"--max-drop {name}=3: {name} is not measured"
    assert str(caught.value) == f"{said} with these --references and --keywords; {remedy}"
    refuse_unmeasured({name: 3.0}, "--max-drop", PROTOCOLS, keywords=True, multi=True)
    if "oracle" in name:
        with pytest.raises(HamError) as caught:
            refuse_unmeasured({name: 3.0}, "--max-drop", protocols, keywords=False, multi=True)
        assert str(caught.value) == f"{said}, for the system takes no keywords; leave --max-drop {name} out"
    elif "single" not in name:
        with pytest.raises(HamError) as caught:
            refuse_unmeasured({name: 3.0}, "--max-drop", PROTOCOLS[1:2], keywords=True, multi=False)
        remedy = f"name single_{name}, or prepare again with --taxonomy"
        assert str(caught.value) == f"{said}, for the poems were prepared without a taxonomy; {remedy}"


INTERVALS = {"intervals": {"bleu_7": (1.0, 2.0)}}


@pytest.mark.parametrize(
    ("ours", "standing", "said"),
    [
        ({}, {}, None),
        ({}, {"found": WORSE}, "is of 40 poems"),
        ({"found": WORSE}, {**INTERVALS, "run": {"beam": 20}, "protocols": PROTOCOLS}, None),
        ({"protocols": PROTOCOLS[3:]}, {}, "has multi-planned, single-planned"),
        ({"protocols": PROTOCOLS[1:2], **INTERVALS}, {}, "has multi-planned"),
        ({"protocols": PROTOCOLS}, {}, None),
        ({}, INTERVALS, "has intervals"),
        ({"protocols": PROTOCOLS}, INTERVALS, "has intervals"),
        (INTERVALS, {}, None),
        ({"run": {"beam": 2}}, {"run": {"beam": 10}}, "is by a beam of 10"),
        ({"run": {"beam": 20}}, {"run": {"beam": 10}}, None),
        ({"run": {"beam": 2}}, {"run": None}, None),
    ],
)
def test_what_a_result_lacks_of_the_one_that_stands(
    ours: dict[str, Any], standing: dict[str, Any], said: str | None
) -> None:
    assert lacks(made_poem_result(**ours), made_poem_result(**standing)) == said


def test_what_is_no_result_does_not_stand(tmp_path: Path) -> None:
    file = saved(tmp_path)
    assert standing_result(file) == load_poem_result(file)
    file.write_text("{}")
    assert standing_result(file) is None
    assert standing_result(tmp_path / "none.json") is None


def test_baselines_of_another_kind_are_refused(tmp_path: Path) -> None:
    ours = made_poem_result(found=WORSE)
    with pytest.raises(HamError) as caught:
        gate(ours, made_poem_result("main", found=WORSE, protocols=PROTOCOLS[1:2]))
    assert str(caught.value) == (
        "main/poems.json: was scored by bleu2|corpus|refs=single|keywords=planned|split=random|v1, this result by "
        "bleu2|corpus|refs=multi-tang-theme|keywords=planned|split=random|v1, "
        "bleu2|corpus|refs=single|keywords=planned|split=random|v1; evaluate with the same --references and "
        "--keywords, or write it anew with --update-baseline"
    )
    with pytest.raises(HamError, match=r"; evaluate with poems that are split as those, or write it anew with"):
        refuse_other_protocols(made_poem_result("main"), PROTOCOLS[:2], "balanced")
    refuse_other_protocols(made_poem_result("main"), PROTOCOLS[:2], "random")
    with pytest.raises(HamError, match=r"main/poems.json: was scored on 4 poems, made/poems.json on 40; evaluate both"):
        gate(ours, made_poem_result("main"))
    with pytest.raises(HamError, match=r"was scored on a split of another kind \(balanced\) than made/poems.json"):
        gate(ours, made_poem_result("main", found=WORSE, split="balanced"))
    with pytest.raises(HamError, match=r"was scored on other poems or references \(sha256 cdcdcdcdcdcd\) than"):
        gate(ours, made_poem_result("main", found=WORSE, sha256="cd" * 32))
    with pytest.raises(HamError, match="there is no baseline yet; add --update-baseline to write it"):
        load_poem_baseline(tmp_path / "none.json")
