"""Nonsense poems of a small stock of words, a taxonomy over the same words, and the folder prepared of both."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ham_mrc.data_prep.poem_folder import PoemFolder, open_poems
from ham_mrc.data_prep.prepare_poems import PoemRequest, prepare_poems

WORDS = ["春风", "明月", "青山", "流水", "白云", "梅花", "秋雨", "孤舟", "故人", "夕阳", "江湖", "长安", "细草", "寒灯"]
ONES = list("来去看听深远红绿高低香冷新旧")

TAXONOMY = """<begin>\t1\t天文类
1\t月\t明月 寒灯 月下吟
2\t春\t春风 细草 ★风 青山
<end>\t1
<begin>\t2\t人事类
1\t别\t孤舟 故人 故人 长安
2\t秋\t秋雨 夕阳
<end>\t2
"""
"""Four themes, eleven phrases, of which one is torn and one stands twice."""


def nonsense(count: int, *, seed: int = 0, fives: float = 0.4) -> list[dict[str, Any]]:
    """`count` poems, a share `fives` of them of 5 characters a line, about half of them Tang."""
    choose = random.Random(seed)
    poems = []
    for number in range(count):
        pairs = 2 if choose.random() < fives else 3
        lines = [_line(choose, pairs) for _ in range(4)]
        dynasty = choose.choice(["tang", "song"])
        poems.append(
            {"id": f"p/{number}", "author": f"人{number % 7}", "title": "无题", "dynasty": dynasty, "lines": lines}
        )
    return poems


def _line(choose: random.Random, pairs: int) -> str:
    head = "".join(choose.sample(WORDS, pairs - 1))
    end = [choose.choice(WORDS), choose.choice(ONES)]
    return head + "".join(choose.sample(end, 2))


def write_poems(path: Path, poems: Iterable[Any]) -> Path:
    """JSON Lines at `path`."""
    path.write_text("".join(json.dumps(poem, ensure_ascii=False) + "\n" for poem in poems), encoding="utf-8")
    return path


def write_taxonomy(path: Path) -> Path:
    """TAXONOMY at `path`."""
    path.write_text(TAXONOMY, encoding="utf-8")
    return path


def prepared(folder: Path, poems: Iterable[Any], *, taxonomy: bool = True, **settings: Any) -> PoemFolder:
    """The folder `folder`/prepared, made of `poems`."""
    source = write_poems(folder / "poems.jsonl", poems)
    themes = write_taxonomy(folder / "themes.txt") if taxonomy else None
    prepare_poems(PoemRequest(source, folder / "prepared", themes, **settings))
    return open_poems(folder / "prepared")
