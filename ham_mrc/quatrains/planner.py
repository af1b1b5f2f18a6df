"""The planner: from a user's text to four keywords, one for each line of a poem.

Wang et al., "Chinese Poetry Generation with Planning based Neural Network", section 2. What the text has itself comes
first (section 2.2), the rest is expanded (section 2.3): by the taxonomy, by a user's own texts, by a network.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ham_mrc.data_prep.poem_folder import PoemFolder
from ham_mrc.data_prep.poem_vocab import Characters
from ham_mrc.data_prep.taxonomy import Taxonomy
from ham_mrc.errors import HamError
from ham_mrc.files import write_whole
from ham_mrc.progress import Progress, silent
from ham_mrc.quatrains.knowledge import Knowledge
from ham_mrc.quatrains.planner_gru import KeywordGRU, train_keywords
from ham_mrc.quatrains.spelling import near_ones, unknown
from ham_mrc.quatrains.text_words import Words, rank

FILE = "planner.safetensors"
"""In the folder of a run; training/run_folder.py has the list of all files there."""
LINES = 4


class Planner:
    """What plans keywords, kept in the folder of every run: a seed and the data decide it, not the system beside it."""

    def __init__(self, network: KeywordGRU) -> None:
        self.network = network

    def next_keyword(
        self, keywords: Sequence[str], *, among: Collection[str] | None = None, avoid: Collection[str] = ()
    ) -> str:
        """The likeliest keyword of the line after those with `keywords`, of which none comes twice.

        Only of `among`, where that is given, those that the network does not know last, in their order; "" where
        nothing is left.
        """
        log_p = self.network.log_p(keywords)
        barred = {*keywords, *avoid}
        if among is None:
            enough = log_p.topk(min(len(log_p), len(barred) + 1)).indices  # sorting all 6,000 takes longer than log_p
            ranked = [self.network.keywords[i] for i in enough.tolist()]
        else:
            numbers = self.network.numbers
            chance = {one: float(log_p[numbers[one]]) if one in numbers else float("-inf") for one in among}
            ranked = sorted(among, key=chance.__getitem__, reverse=True)
        return next((one for one in ranked if one not in barred), "")

    def save(self, run: str | Path) -> None:
        """Write planner.safetensors into the run folder, whole or not at all."""
        tensors = {name: tensor.contiguous() for name, tensor in self.network.state_dict().items()}
        # In the header, for the run folder explains itself without the prepared poems.
        texts = {"keywords": " ".join(self.network.keywords), "symbols": " ".join(self.network.symbols.symbols)}
        with write_whole(Path(run) / FILE) as stream:
            # One key: safetensors writes several in an order that changes from process to process.
            stream.write(save(tensors, metadata={"texts": json.dumps(texts)}))

    @classmethod
    def load(cls, run: str | Path) -> Planner:
        """The planner of a run folder. Raises HamError where there is none, or it is damaged."""
        file = Path(run) / FILE
        if not file.is_file():
            raise HamError("holds no planner of keywords", file=run, remedy="finish the run with --resume")
        try:
            with safe_open(file, framework="pt") as content:
                texts = json.loads((content.metadata() or {})["texts"])
                tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
            characters = Characters(texts["symbols"].split(" "))
            width = tensors["first"].shape[0]
            network = KeywordGRU(characters, texts["keywords"].split(" "), width)
            network.load_state_dict(tensors)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError, AssertionError, SafetensorError) as error:
            raise HamError("is damaged", file=file, remedy="train the run again") from error
        return cls(network.eval())


def train_planner(folder: PoemFolder, seed: int, progress: Progress = silent) -> Planner:
    """The planner of a prepared folder: about a minute on one core."""
    poems = [prepared.keywords for prepared in folder.poems("train")]
    return Planner(train_keywords(poems, folder.characters, seed, progress))


@dataclass(frozen=True, slots=True)
class Plan:
    """`keywords`, one a line; `sources` says of each whether it is from the text, a theme, knowledge or the network.

    `notices` are lines for people: what of the text could not be used.
    """

    keywords: tuple[str, ...]
    sources: tuple[str, ...]
    notices: tuple[str, ...] = ()


def plan(
    text: str,
    planner: Planner,
    characters: Characters,
    segments: Mapping[str, float],
    taxonomy: Taxonomy | None = None,
    *,
    knowledge: Knowledge | None = None,
    avoid: Collection[str] = (),
) -> Plan:
    """Four keywords for `text`, in Chinese characters without marks; `segments` has the TextRank scores.

    A text of segments that poets use gives its best four in its own order; a short one that they do not (深度学习) is
    keyword 1 as it stands. What then lacks comes from the user's texts where there are any, from the phrases of the
    text's themes, then from the network alone. Characters outside of the table are left out, and named. `avoid` are
    keywords not to expand by: for another draft.

    Raises HamError where no character of the text is known.
    """
    words = Words(segments, taxonomy)
    strange = unknown(text, characters)
    own, pieces = words.keywords("".join(one for one in text if one not in strange), LINES)
    notices = [f"not among the characters that are written here: {near_ones(strange, characters)}"] if strange else []
    picked = dict.fromkeys(own, "text")
    if knowledge is not None and len(picked) < LINES:
        found = knowledge.near((text, *own), words)
        notices += [] if found else [f"{knowledge.path} has no word that poets use near {text}"]
        expanded = [one for one in rank(found, segments) if one not in avoid]
        picked |= dict.fromkeys(expanded[: LINES - len(picked)], "knowledge")
    if not picked:
        raise HamError(
            f"no character of the theme is known here (near ones: {near_ones(strange, characters)})",
            remedy="use others, or give --knowledge FILE with a text that speaks of it",
        )
    phrases = _phrases([*own, *pieces], taxonomy, characters)
    while len(picked) < LINES:
        phrase = planner.next_keyword(tuple(picked), among=phrases, avoid=avoid)
        other = phrase or planner.next_keyword(tuple(picked), avoid=avoid) or planner.next_keyword(tuple(picked))
        if not other:
            raise HamError("the prepared poems have too few keywords to plan four", remedy="give --keywords a,b,c,d")
        picked[other] = "theme" if phrase else "network"
    return Plan(tuple(picked), tuple(picked.values()), tuple(notices))


def _phrases(keywords: Sequence[str], taxonomy: Taxonomy | None, characters: Characters) -> list[str]:
    """The phrases of two known characters of all themes that hold one of `keywords`, and are not part of any."""
    if taxonomy is None:
        return []
    themes = dict.fromkeys(theme for keyword in keywords for theme in taxonomy.theme_of(keyword))
    phrases = dict.fromkeys(phrase for theme in themes for phrase in taxonomy.themes[theme])
    known = [phrase for phrase in phrases if len(phrase) == 2 and all(map(characters.knows, phrase))]
    return [phrase for phrase in known if not any(phrase in keyword for keyword in keywords)]
