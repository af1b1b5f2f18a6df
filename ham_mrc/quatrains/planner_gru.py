"""The network that plans: from the keywords of the lines there are, which keyword the next line is likely to have.

Wang et al., "Chinese Poetry Generation with Planning based Neural Network", section 2.3: a recurrent language model
over the four keywords of each training poem. Letters for shapes: `P` poems, `C` characters of a keyword, `E` width
(128), `K` keywords that can be planned, the commonest ones.

    x_i = mean of the characters' vectors of keyword i;  x_0 learnt      so that no keyword is an unknown one
    P(keyword i + 1) = softmax(W GRU(x_0 .. x_i))                        over K keywords
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from ham_mrc.data_prep.poem_vocab import PAD, Characters
from ham_mrc.layers.product import Linear
from ham_mrc.layers.softmax_loss import softmax_loss
from ham_mrc.progress import Progress, silent

WIDTH = 128
KEYWORDS = 6000
"""Keywords that can be planned, the published system's number: 74% of all those of the training lines here."""
BATCH = 256
EPOCHS = 2
RATE = 4e-3

Poems = Sequence[Sequence[str]]
"""The keywords of each poem, in the order of its lines."""


class KeywordGRU(nn.Module):
    """Keywords of the lines before -> log-probabilities of the next one, over `keywords`."""

    def __init__(self, characters: Characters, keywords: Sequence[str], width: int = WIDTH) -> None:
        super().__init__()
        self.symbols, self.keywords = characters, tuple(keywords)
        self.numbers = {keyword: number for number, keyword in enumerate(self.keywords)}
        self.embedding = nn.EmbeddingBag(len(characters), width, mode="mean", padding_idx=PAD)
        self.first = nn.Parameter(torch.zeros(width))  # x_0
        self.gru = nn.GRU(width, width, batch_first=True)
        self.output = Linear(width, len(self.keywords), bias=False)  # W

    def forward(self, characters: Tensor) -> Tensor:
        """(P, I, C) characters of I keywords, PAD behind each -> (P, I + 1, E): the state after none, one, .. I."""
        count, keywords, _ = characters.shape
        read = self.embedding(characters.flatten(0, 1)).view(count, keywords, self.gru.input_size)
        states: Tensor = self.gru(torch.cat([self.first.expand(count, 1, -1), read], 1))[0]
        return states

    def loss(self, characters: Tensor, targets: Tensor) -> Tensor:
        """The mean cross-entropy of `targets` (P, I + 1), numbers of keywords, -1 for one that cannot be planned."""
        states = self(characters)
        known = targets >= 0
        return softmax_loss(states[known], self.output.weight, targets[known]) / known.sum().clamp(min=1)

    @torch.no_grad()
    def log_p(self, keywords: Sequence[str]) -> Tensor:
        """(K,) log-probabilities of the keyword that follows `keywords`."""
        longest = max(map(len, keywords), default=1)
        padded = [[*self.symbols.encode(one), *[PAD] * (longest - len(one))] for one in keywords]
        characters = torch.tensor(padded, dtype=torch.long).view(1, len(keywords), longest)
        log_p: Tensor = self.output(self(characters)[0, -1]).log_softmax(-1)
        return log_p


def train_keywords(poems: Poems, characters: Characters, seed: int, progress: Progress = silent) -> KeywordGRU:
    """The network trained on the keywords of `poems`, the same for a seed whatever was drawn before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = KeywordGRU(characters, commonest(poems))
        nn.init.normal_(network.embedding.weight, std=0.1)
        nn.init.normal_(network.output.weight, std=0.1)
        _train(network, *encoded(network, poems), progress)
    return network.eval()


def commonest(poems: Iterable[Sequence[str]], size: int = KEYWORDS) -> list[str]:
    """The commonest keywords, by falling count, then code points."""
    counts = Counter(keyword for poem in poems for keyword in poem)
    return sorted(counts, key=lambda keyword: (-counts[keyword], keyword))[:size]


def encoded(network: KeywordGRU, poems: Poems) -> tuple[Tensor, Tensor]:
    """Characters (P, 3, C) of each poem's first three keywords, and the numbers (P, 4) of all four."""
    longest = max((len(keyword) for poem in poems for keyword in poem), default=1)
    rows = [
        [(*network.symbols.encode(keyword), *[PAD] * (longest - len(keyword))) for keyword in poem[:3]]
        for poem in poems
    ]
    targets = [[network.numbers.get(keyword, -1) for keyword in poem] for poem in poems]
    return torch.tensor(rows, dtype=torch.long), torch.tensor(targets, dtype=torch.long)


def _train(network: KeywordGRU, characters: Tensor, targets: Tensor, progress: Progress) -> None:
    """Adam at a rate that falls to 0; an epoch sees all poems in random order."""
    optimizer = torch.optim.Adam(network.parameters())
    batches = [batch for _ in range(EPOCHS) for batch in torch.split(torch.randperm(len(targets)), BATCH)]
    with progress("planner", total=EPOCHS * len(targets), unit="poems") as bar:
        for number, rows in enumerate(batches):
            optimizer.param_groups[0]["lr"] = RATE * (1 - number / len(batches))
            optimizer.zero_grad(set_to_none=True)
            loss = network.loss(characters[rows], targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            bar.advance(len(rows), f"loss {loss.item():.3f}")
