"""What one `eval` found out as the JSON object that it prints."""

from __future__ import annotations

from typing import Any

from ham_mrc.eval.evaluation import Evaluation

SCHEMA = 1


def evaluation_json(found: Evaluation) -> dict[str, Any]:
    """One JSON object, figures unrounded. The first keys are always there, the rest where asked for."""
    scores = found.scores
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "name": found.name,
        "dataset": scores.dataset,
        "version": scores.version,
        "questions": scores.questions,
        "answered": scores.answered,
        "missing": scores.missing,
        "extra": scores.extra,
        "metrics": dict(scores.metrics),
        "intervals": dict(found.intervals),
        "signature": scores.signature,
        **({"variants": dict(scores.variants)} if scores.variants else {}),
        "references_sha256": scores.references_sha256,
        "checks": [check.to_json() for check in found.checks],
    }
    if found.intervals or found.asked.significant:
        document |= {"resamples": found.asked.resamples, "seed": found.asked.seed}
        document["unit"] = "passage" if found.asked.clustered else "question"
    if found.detectable:
        document["detectable"] = dict(found.detectable)
    if found.words is not None:
        document["mean_words"] = dict(zip(("predictions", "references"), found.words, strict=True))
    if found.breakdown is not None:
        from ham_mrc.eval.breakdown import breakdown_json

        document["breakdown"] = breakdown_json(found.breakdown)
    if found.asked.baseline is not None:
        document["flipped"] = [
            {"id": flip.key, "before": dict(flip.before), "after": dict(flip.after)} for flip in found.flips
        ]
    return document
