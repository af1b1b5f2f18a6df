"""From a text to four keywords, by a network whose order is known: what comes from where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from ham_mrc.data_prep.poem_vocab import SPECIALS, Characters
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.quatrains import planner as module
from ham_mrc.quatrains.knowledge import Knowledge
from ham_mrc.quatrains.planner import Plan, Planner, plan
from ham_mrc.quatrains.planner_gru import KeywordGRU, commonest, encoded, train_keywords
from ham_mrc.training import run_folder

KEYWORDS = ["春风", "明月", "青山", "流水", "白云", "梅花", "秋雨", "孤舟"]
CHARACTERS = Characters((*SPECIALS, *sorted(set("".join(KEYWORDS) + "雪天深度学习"))))
SEGMENTS = {keyword: 10.0 - number for number, keyword in enumerate(KEYWORDS)}
TAXONOMY = Taxonomy({"春": ("春风", "青山", "梅花", "飞絮"), "月": ("明月", "流水", "秋雨")})


class Known(KeywordGRU):
    """The likeliest next keyword is the one behind the last of those before, in the order of KEYWORDS."""

    def __init__(self) -> None:
        super().__init__(CHARACTERS, KEYWORDS, width=2)

    def log_p(self, keywords: Any) -> torch.Tensor:
        last = self.numbers.get(keywords[-1], -1) if keywords else -1
        return torch.tensor([-float((number - last - 1) % len(KEYWORDS)) for number in range(len(KEYWORDS))])


PLANNER = Planner(Known())


def planned(text: str, taxonomy: Taxonomy | None = TAXONOMY, **more: Any) -> Plan:
    return plan(text, PLANNER, CHARACTERS, SEGMENTS, taxonomy, **more)


def test_the_next_keyword_is_the_likeliest_that_is_not_there() -> None:
    assert PLANNER.next_keyword([]) == "春风"
    assert PLANNER.next_keyword(["明月", "春风"]) == "青山"  # 明月 follows 春风, and is there
    assert PLANNER.next_keyword(["春风"], avoid=["明月", "青山"]) == "流水"
    assert PLANNER.next_keyword(["雪天"]) == "春风"
    assert PLANNER.next_keyword(KEYWORDS) == ""


def test_among_phrases_those_that_the_network_does_not_know_come_last() -> None:
    among: Collection[str] = ["飞絮", "孤舟", "白云"]
    assert PLANNER.next_keyword(["春风"], among=among) == "白云"
    assert PLANNER.next_keyword(["春风"], among=among, avoid=["白云", "孤舟"]) == "飞絮"
    assert PLANNER.next_keyword(["春风"], among=[]) == ""


def test_a_text_of_known_words_is_its_own_plan() -> None:
    assert planned("秋雨明月白云梅花") == Plan(("秋雨", "明月", "白云", "梅花"), ("text",) * 4)
    assert planned("孤舟秋雨明月白云梅花").keywords == (
        "秋雨",
        "明月",
        "白云",
        "梅花",
    )  # 明月: in the taxonomy; 孤舟 last


def test_what_lacks_comes_from_the_themes_then_from_the_network() -> None:
    """春风 is of one theme: 青山 and 梅花 are left of it (飞絮 cannot be written), then the network goes on."""
    assert planned("春风") == Plan(("春风", "青山", "梅花", "秋雨"), ("text", "theme", "theme", "network"))
    assert planned("春风", None) == Plan(("春风", "明月", "青山", "流水"), ("text", "network", "network", "network"))


def test_a_word_of_today_stays_the_first_keyword() -> None:
    assert planned("深度学习") == Plan(("深度学习", "春风", "明月", "青山"), ("text", "network", "network", "network"))


def test_the_themes_of_its_pieces_count_and_no_part_of_it_comes_again() -> None:
    assert planned("雪春风") == Plan(("雪春风", "青山", "梅花", "秋雨"), ("text", "theme", "theme", "network"))


def test_knowledge_comes_before_the_network() -> None:
    notes = Knowledge("notes.txt", "深度学习如流水，似青山")
    found = planned("深度学习", knowledge=notes)
    assert found == Plan(("深度学习", "青山", "流水", "白云"), ("text", "knowledge", "knowledge", "network"))
    silent = planned("明月", knowledge=notes)
    assert silent.notices == ("notes.txt has no word that poets use near 明月",)


def test_another_draft_avoids_what_the_first_was_expanded_by() -> None:
    first = planned("春风")
    second = planned("春风", avoid=set(first.keywords[1:]))
    assert second.keywords[0] == "春风"
    assert set(second.keywords[1:]).isdisjoint(first.keywords)


def test_unknown_characters_are_left_out_and_named() -> None:
    found = planned("雪天龘")
    assert found.keywords[0] == "雪天"
    assert found.notices[0].startswith("not among the characters that are written here: 龘: ")


def test_a_theme_of_unknown_characters_needs_knowledge() -> None:
    with pytest.raises(HamError, match="no character of the theme is known here"):
        planned("龘龘")
    known = planned("龘龘", knowledge=Knowledge("notes.txt", "龘龘如白云"))
    assert known.keywords[0] == "白云"


def test_too_few_keywords_to_plan_by() -> None:
    few = Planner(KeywordGRU(CHARACTERS, ["春风"], width=2))
    with pytest.raises(HamError, match="too few keywords to plan four; give --keywords"):
        plan("明月", few, CHARACTERS, SEGMENTS)


def test_a_saved_planner_is_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    planner = Planner(KeywordGRU(CHARACTERS, KEYWORDS, width=4))
    planner.save(tmp_path)
    loaded = Planner.load(tmp_path)
    assert loaded.network.keywords == tuple(KEYWORDS)
    for before in ([], ["春风"], ["雪天", "明月", "深度学习"]):
        assert torch.equal(loaded.network.log_p(before), planner.network.log_p(before))
    assert run_folder.PLANNER == module.FILE


@pytest.mark.parametrize("content", [None, b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_planners_that_cannot_be_loaded(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "planner.safetensors").write_bytes(content)
    with pytest.raises(HamError, match="holds no planner" if content is None else "is damaged; train the run again"):
        Planner.load(tmp_path)


POEMS = [["春风", "明月", "青山", "流水"], ["白云", "梅花", "秋雨", "孤舟"]] * 40


def test_the_loss_leaves_out_what_cannot_be_planned() -> None:
    torch.manual_seed(1)
    network = KeywordGRU(CHARACTERS, KEYWORDS[:3], width=4)
    characters, targets = encoded(network, [["春风", "明月", "流水", "青山"]])
    assert targets.tolist() == [[0, 1, -1, 2]]
    log_p = torch.stack([network.log_p(before) for before in ([], ["春风"], ["春风", "明月", "流水"])])
    torch.testing.assert_close(network.loss(characters, targets), cross_entropy(log_p, torch.tensor([0, 1, 2])))


def test_a_keyword_is_read_by_its_characters() -> None:
    """Also one that cannot be planned, of any length: no two are the same unknown one."""
    torch.manual_seed(1)
    network = KeywordGRU(CHARACTERS, KEYWORDS, width=4)
    mean = torch.stack([network.embedding.weight[one] for one in CHARACTERS.encode("深度学习")]).mean(0)
    states, _ = network.gru(torch.stack([network.first, mean])[None])
    torch.testing.assert_close(network.log_p(["深度学习"]), network.output(states[0, -1]).log_softmax(-1))


def test_training_learns_what_follows_what(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ham_mrc.quatrains.planner_gru.EPOCHS", 25)
    monkeypatch.setattr("ham_mrc.quatrains.planner_gru.BATCH", 16)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    networks = [train_keywords(POEMS, CHARACTERS, seed) for seed in (1, 1, 2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    planner = Planner(networks[0])
    assert planner.next_keyword(["春风"]) == "明月"
    assert planner.next_keyword(["白云", "梅花"]) == "秋雨"
    first, same, other = (network.output.weight for network in networks)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_the_commonest_keywords_are_planned() -> None:
    poems = [["春风", "明月", "春风", "白云"], ["白云", "春风", "秋雨", "明月"]]
    assert Counter(word for poem in poems for word in poem).most_common(1) == [("春风", 3)]
    assert commonest(poems, 3) == ["春风", *sorted(["明月", "白云"])]
