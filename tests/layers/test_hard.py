"""Hard attention: the gradients that each kind stands for, its draws, and the loss of REINFORCE."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from layer_inputs import EXACT, SCORES, build, draw
from torch import Tensor

from ham_mrc.errors import ShapeError
from ham_mrc.layers import Ham
from ham_mrc.layers.hard import ENTROPY, Hard, policy_loss

KINDS = ("straight_through", "gumbel", "reinforce")
EVERY = torch.ones(5, dtype=torch.bool)


def one_hot(weights: Tensor) -> bool:
    return bool(((weights == 0) | (weights == 1)).all()) and bool((weights.sum(-1) == 1).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_each_level_is_exactly_one_key(kind: str, training: bool) -> None:
    x = draw(1, dtype=torch.float32)
    ham = build("scaled_dot", 4, dtype=torch.float32, hard=kind).train(training)
    with ham.trace() as trace:
        ham(x.query, x.keys, x.key_mask)
    assert one_hot(trace.weights())


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_takes_the_best_key_and_repeats_itself(kind: str) -> None:
    scores = torch.tensor([[[1.0, 7.0, 3.0, 7.0, 9.0]]])
    mask = torch.tensor([[[True, True, True, True, False]]])
    hard = Hard(kind).eval()  # type: ignore[arg-type]
    assert hard.choose(scores, mask, None).weights.tolist() == [[[0, 1, 0, 0, 0]]]  # the first of equals


def test_straight_through_has_the_gradient_of_the_soft_weights() -> None:
    x = draw(2)
    scores = x.query @ x.keys.mT
    picked = torch.randn(scores.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = []
    for soft in (True, False):
        s = scores.clone().requires_grad_()
        a = s.softmax(-1) if soft else Hard("straight_through").choose(s, EVERY, None).weights
        (a * picked).sum().backward()
        found.append(s.grad)
    torch.testing.assert_close(found[1], found[0], **EXACT)


def test_gumbel_in_training_has_the_gradient_of_the_tempered_noisy_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    x = draw(3)
    scores = x.query @ x.keys.mT
    noise = torch.randn(scores.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    monkeypatch.setattr(Hard, "_noise", lambda self, like: noise)
    ours, theirs = scores.clone().requires_grad_(), scores.clone().requires_grad_()
    weights = Hard("gumbel", temperature=0.5).choose(ours, EVERY, None).weights
    assert torch.equal(weights.argmax(-1), (scores + noise).argmax(-1))
    soft = ((theirs + noise) / 0.5).softmax(-1)
    (weights * x.keys[..., 0][:, None]).sum().backward()
    (soft * x.keys[..., 0][:, None]).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, **EXACT)


@pytest.mark.parametrize("kind", ["gumbel", "reinforce"])
def test_draws_follow_the_soft_weights(kind: str) -> None:
    """40,000 draws of 4 keys: five standard deviations of a share are at most 0.0125."""
    torch.manual_seed(4)
    scores = torch.tensor([0.0, 1.0, -1.0, 0.5, 3.0]).expand(1, 40_000, 5)
    mask = torch.tensor([True, True, True, True, False])
    weights = Hard(kind).choose(scores, mask, None).weights  # type: ignore[arg-type]
    expected = torch.cat([scores[0, 0, :4].softmax(0), torch.zeros(1)])
    torch.testing.assert_close(weights.mean((0, 1)), expected, rtol=0, atol=0.0125)


@pytest.mark.parametrize("kind", ["gumbel", "reinforce"])
def test_draws_come_from_a_generator_of_its_own(kind: str) -> None:
    """Seeded anew whenever torch is, with another number: a resumed run draws what an unbroken one does."""
    scores, mask = torch.zeros(2, 50, 5), EVERY

    def updates(hard: Hard, numbers: list[int]) -> list[Tensor]:
        found = []
        for number in numbers:
            torch.manual_seed(number)
            state = torch.get_rng_state()
            found += [hard.choose(scores, mask, None).weights for _ in range(2)]
            assert torch.equal(torch.get_rng_state(), state)
        return found

    unbroken = updates(Hard(kind), [1, 2, 3])  # type: ignore[arg-type]
    resumed = updates(Hard(kind), [3])  # type: ignore[arg-type]
    assert all(torch.equal(a, b) for a, b in zip(unbroken[4:], resumed, strict=True))
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(unbroken, 2))
    torch.manual_seed(3)
    other = Hard(kind).choose(torch.zeros(2, 51, 5), mask, None).weights  # type: ignore[arg-type]
    assert not torch.equal(other[0, :50], resumed[0][0])  # nor do two sites of other shapes draw alike


@pytest.mark.parametrize("score", ["dot", "scaled_dot"])
def test_a_key_of_equal_norms_chooses_itself_for_ever(score: str) -> None:
    """Which is why hard depth is of use only with `no_repeat`: it then takes a new key at each level."""
    x = draw(5, keys=6)
    keys = x.keys / x.keys.norm(dim=-1, keepdim=True)
    for no_repeat in (False, True):
        ham = Ham(4, depth=6, score=score, hard="straight_through", no_repeat=no_repeat)
        with ham.trace() as trace:
            ham(x.query, keys)
        chosen = trace.weights().argmax(-1)  # (6, B, M)
        if no_repeat:
            assert bool((chosen.sort(0).values == torch.arange(6)[:, None, None]).all())  # each of the six once
        else:
            assert bool((chosen == chosen[0]).all())


def test_no_repeat_opens_all_keys_again_where_none_is_left() -> None:
    scores = torch.tensor([[[1.0, 3.0, 2.0, 0.0, 9.0]]])
    mask = torch.tensor([[[True, True, True, False, False]]])
    hard, taken, found = Hard("straight_through", no_repeat=True), None, []
    for _ in range(5):
        choice = hard.choose(scores, mask, taken)
        taken = choice.taken
        assert one_hot(choice.weights)
        found.append(int(choice.weights.argmax()))
    assert found == [1, 2, 0, 1, 1]


# REINFORCE


def forced(ham: Ham, chosen: list[list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that makes level i of query m take key chosen[i][m], whatever the scores say."""
    levels = iter(chosen)

    def noise(self: Hard, scores: Tensor) -> Tensor:
        picked = torch.zeros_like(scores)
        for m, key in enumerate(next(levels)):
            picked[:, m, key] = 1e6
        return picked

    monkeypatch.setattr(Hard, "_noise", noise)
    ham.train()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("no_repeat", [False, True])
def test_the_expected_policy_gradient_is_the_gradient_of_the_expected_reward(
    score: str, no_repeat: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Summed over every way to choose one of 3 keys at 2 levels, each weighted with its probability.

    The expected reward is differentiated directly, through those probabilities; any baseline leaves it as it is.
    """
    x = draw(6, batch=1, queries=1, keys=3)
    ham = build(score, 2, hard="reinforce", no_repeat=no_repeat)
    parameters = list(ham.score.parameters())
    x.query.requires_grad_()
    expected, total = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    ways = list(itertools.permutations(range(3), 2) if no_repeat else itertools.product(range(3), repeat=2))
    for first, second in ways:
        forced(ham, [[first], [second]], monkeypatch)
        with ham.trace() as trace:
            ham(x.query, x.keys)
        assert trace.weights()[:, 0, 0].argmax(-1).tolist() == [first, second]
        assert ham.hard is not None
        (log_chance, _), reward = ham.hard._calls[-1], float(first * 2 - second + 0.3)
        chance = log_chance.exp().sum()
        total = total + chance
        expected = expected + chance * reward
        ham.hard.batches.fill_(1)  # a running mean from before: 0.7
        ham.hard.baseline.fill_(0.7)
        monkeypatch.setattr("ham_mrc.layers.hard.ENTROPY", 0.0)
        loss = policy_loss(ham, torch.tensor([reward], dtype=torch.float64))
        (chance.detach() * loss).backward(retain_graph=True)
    torch.testing.assert_close(total, torch.ones((), dtype=torch.float64), **EXACT)
    gradients = torch.autograd.grad(expected, [x.query, *parameters], allow_unused=True)
    for mine, other in zip([x.query, *parameters], gradients, strict=True):
        if other is not None:
            torch.testing.assert_close(-mine.grad, other, rtol=0, atol=1e-10)  # a loss falls as the reward rises


def test_the_policy_loss_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rows of two queries at one level, with scores ln 1 and ln 3: shares 1/4 and 3/4."""
    ham = Ham(1, score="dot", hard="reinforce").double()
    keys = torch.tensor([[[0.0], [1.0]]] * 2, dtype=torch.float64)
    query = torch.full((2, 2, 1), math.log(3), dtype=torch.float64)
    forced(ham, [[0, 1]], monkeypatch)
    ham(query, keys)
    quarter, rest = torch.tensor([0.25, 0.75], dtype=torch.float64).log()
    entropy = -(0.25 * quarter + 0.75 * rest)
    loss = policy_loss(ham, torch.tensor([-1.0, -4.0], dtype=torch.float64))
    # The first baseline is the mean reward -2.5: advantages 1.5 and -1.5, alike for both queries of a row.
    torch.testing.assert_close(loss, -(1.5 - 1.5) * (quarter + rest) - ENTROPY * 4 * entropy, **EXACT)
    assert ham.hard is not None
    assert ham.hard.baseline.item() == -2.5
    forced(ham, [[0, 1]], monkeypatch)
    ham(query, keys)
    real = torch.tensor([[True, False], [True, True]])
    loss = policy_loss(ham, torch.tensor([-1.0, -1.5], dtype=torch.float64), real)
    expected = -(1.5 * quarter + 1.0 * (quarter + rest)) - ENTROPY * 3 * entropy
    torch.testing.assert_close(loss, expected, **EXACT)
    assert ham.hard.baseline.item() == pytest.approx((-2.5 - 1.25) / 2)  # of two batches


def test_the_baseline_is_the_mean_of_a_hundred_batches_and_then_forgets() -> None:
    ham = Ham(2, hard="reinforce")
    assert ham.hard is not None
    seen = []
    for batch in range(150):
        ham(torch.randn(1, 1, 2), torch.randn(1, 3, 2))
        seen.append(float(batch % 7))
        policy_loss(ham, torch.tensor([seen[-1]]))
        if batch < 100:
            assert ham.hard.baseline.item() == pytest.approx(sum(seen) / len(seen), abs=1e-4)
    mean = sum(seen[:100]) / 100
    for reward in seen[100:]:
        mean = 0.99 * mean + 0.01 * reward
    assert ham.hard.baseline.item() == pytest.approx(mean, abs=1e-4)
    assert {"hard.baseline", "hard.batches"} <= ham.state_dict().keys()  # a resumed run goes on with them


@pytest.mark.parametrize("options", [{}, {"heads": 2}, {"heads": 2, "heads_share": "head"}])
def test_a_recurrent_cells_steps_are_put_together(options: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same choices made at once and one query a step have the same loss and gradients."""
    x = draw(7)
    found = []
    for at_once in (True, False):
        ham = build("scaled_dot", 2, hard="reinforce", **options).train()
        monkeypatch.setattr(Hard, "_noise", lambda self, scores: torch.zeros_like(scores))
        prepared, projected = ham.prepare(x.keys), ham.project(x.query)
        for part in [slice(0, 3)] if at_once else [slice(m, m + 1) for m in range(3)]:
            ham.attend(projected[:, part], prepared, x.own_mask[:, part])
        assert ham.hard is not None
        ham.hard.batches.fill_(1)
        loss = policy_loss(ham, torch.tensor([-1.0, -4.0], dtype=torch.float64))
        if loss.requires_grad and list(ham.score.parameters()):
            loss.backward()
        found.append([loss.detach(), *(p.grad for p in ham.score.parameters())])
    for mine, other in zip(*found, strict=True):
        torch.testing.assert_close(mine, other, **EXACT)


def test_nothing_is_remembered_without_gradients_or_in_evaluation() -> None:
    x = draw(8)
    ham = build("scaled_dot", 2, hard="reinforce")
    assert ham.has_policy
    with torch.no_grad():
        ham(x.query, x.keys)
    ham.eval()
    ham(x.query, x.keys)
    with pytest.raises(ShapeError) as raised:
        policy_loss(ham, torch.zeros(2))
    assert str(raised.value) == (
        "no choice was made since the last policy_loss: call the reader in training mode first"
    )
    ham.train()
    ham(x.query, x.keys)
    with pytest.raises(ShapeError) as raised:
        policy_loss(ham, torch.zeros(3))
    assert str(raised.value) == "rewards have the shape (3,), but the site had 2 rows"
    for kind in ("none", "gumbel"):
        other = Ham(4, hard=kind)
        assert not other.has_policy
        with pytest.raises(ShapeError) as raised:
            policy_loss(other, torch.zeros(2))
        assert str(raised.value) == 'this site has no policy; only hard = "reinforce" does'


def test_reinforce_learns_which_key_pays() -> None:
    """A bandit: only the third of four keys is rewarded. The score learns from the policy loss alone."""
    torch.manual_seed(9)
    ham = Ham(4, score="bilinear", hard="reinforce")
    optimizer = torch.optim.Adam(ham.parameters(), lr=0.05)
    keys, query = torch.eye(4).expand(32, 4, 4), torch.ones(32, 1, 4)
    for update in range(100):
        torch.manual_seed(update)
        out, _ = ham(query, keys)
        optimizer.zero_grad()
        policy_loss(ham, out[:, 0, 2].detach()).backward()
        optimizer.step()
    shares = ham.score.scores(ham.project(query[:1]), ham.prepare(keys[:1]))[0, 0].softmax(0)
    assert shares[2] > 0.9
