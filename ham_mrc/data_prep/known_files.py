"""The official files of each dataset: where they are published, their sizes and checksums, on what terms.

Where the figures come from (looked up in 2026; nothing here was guessed):

- SQuAD: addresses of rajpurkar.github.io/SQuAD-explorer; sizes and SHA-256 as TensorFlow Datasets
  (question_answering/squad/checksums.tsv) and Hugging Face datasets (squad and squad_v2, dataset_infos.json) record
  them, in agreement.
- MS MARCO: sizes and SHA-256 from Hugging Face datasets (ms_marco, dataset_infos.json), those of 2.1 also in ParlAI
  (tasks/ms_marco/build.py). The published addresses were on msmarco.blob.core.windows.net, which refuses the public
  since 2023 (409); ir_datasets gives the addresses of 2.1 below, with the same sizes. For 1.1 no other is known.
- CMRC 2018: the official repository at the commit that its users pin; SHA-256 of both and their sizes from Hugging
  Face datasets (cmrc2018, checksums.txt, for the copies on CodaLab), the same for dev in several projects that pin it.
- DRCD: the official repository at a commit. Nobody publishes a checksum of these files there.
- DuReader 2.0: the addresses of its own data/download.sh; the checksums that go with it (md5sum.txt) could not be had.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownFile:
    """One published file. `bytes` and `sha256` are None where nobody publishes them."""

    url: str
    bytes: int | None = None
    sha256: str | None = None

    @property
    def name(self) -> str:
        """The file's name, the same on a mirror and on disk."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class Collection:
    """A dataset's files, with what one must know to use them; `after` is what remains to be done with them."""

    files: tuple[KnownFile, ...]
    license: str
    citation: str
    after: str = ""


_SQUAD = "https://rajpurkar.github.io/SQuAD-explorer/dataset/"
_MARCO_1 = "https://msmarco.blob.core.windows.net/msmsarcov1/"
_MARCO_2 = "https://msmarco.z22.web.core.windows.net/msmarco/"
_CMRC = "https://raw.githubusercontent.com/ymcui/cmrc2018/c0eb1b6ba219847457e6af3180da722bbeb656af/squad-style-data/"
_DRCD = "https://raw.githubusercontent.com/DRCKnowledgeTeam/DRCD/b944790de5af02c5fbb7cd9cb1473d27d169eebf/"
_DUREADER = "https://dataset-bj.cdn.bcebos.com/dureader/"

COLLECTIONS: dict[str, Collection] = {
    "squad": Collection(
        files=(
            KnownFile(
                _SQUAD + "train-v1.1.json",
                30_288_272,
                "3527663986b8295af4f7fcdff1ba1ff3f72d07d61a20f487cb238a6ef92fd955",
            ),
            KnownFile(
                _SQUAD + "dev-v1.1.json",
                4_854_279,
                "95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
            ),
            KnownFile(
                _SQUAD + "train-v2.0.json",
                42_123_633,
                "68dcfbb971bd3e96d5b46c7177b16c1a4e7d4bdef19fb204502738552dede002",
            ),
            KnownFile(
                _SQUAD + "dev-v2.0.json",
                4_370_528,
                "80a5225e94905956a6446d296ca1093975c4d3b3260f1d6c8f68bc2ab77182d8",
            ),
        ),
        license="CC BY-SA 4.0",
        citation="1.1: Rajpurkar et al., SQuAD: 100,000+ Questions for Machine Comprehension of Text, EMNLP 2016; "
        "2.0: Rajpurkar, Jia and Liang, Know What You Don't Know: Unanswerable Questions for SQuAD, ACL 2018",
    ),
    "dureader": Collection(
        files=(KnownFile(_DUREADER + "dureader_raw.zip"), KnownFile(_DUREADER + "dureader_preprocessed.zip")),
        license="Apache-2.0, Copyright 2017 Baidu.com, Inc.",
        citation="He et al., DuReader: a Chinese Machine Reading Comprehension Dataset from Real-world Applications, "
        "MRQA 2018",
        after="unpack the archives; prepare reads the .json files in them",
    ),
    "msmarco": Collection(
        files=(
            KnownFile(
                _MARCO_1 + "train_v1.1.json.gz",
                110_704_491,
                "2aaa60df3a758137f0bb7c01fe334858477eb46fa8665ea01588e553cda6aa9f",
            ),
            KnownFile(
                _MARCO_1 + "dev_v1.1.json.gz",
                13_493_661,
                "c70fcb1de78e635cf501264891a1a56d52e7f63e69623da7dd41d89a785d67ca",
            ),
            KnownFile(
                _MARCO_1 + "test_hidden_v1.1.json",
                44_499_856,
                "083aa4f4d86ba0cedb830ca9972eff69f73cbc32b1da26b8617205f0dedea757",
            ),
            KnownFile(
                _MARCO_2 + "train_v2.1.json.gz",
                1_112_116_929,
                "e91745411ca81e441a3bb75deb71ce000dc2fc31334085b7d499982f14218fe2",
            ),
            KnownFile(
                _MARCO_2 + "dev_v2.1.json.gz",
                138_303_699,
                "5b3c9c20d1808ee199a930941b0d96f79e397e9234f77a1496890b138df7cb3c",
            ),
            KnownFile(
                _MARCO_2 + "eval_v2.1_public.json.gz",
                133_851_237,
                "05ac0e448450d507e7ff8e37f48a41cc2d015f5bd2c7974d2445f00a53625db6",
            ),
        ),
        license="for non-commercial research only; the terms are at https://microsoft.github.io/msmarco/",
        citation="Nguyen et al., MS MARCO: A Human Generated MAchine Reading COmprehension Dataset, arXiv:1611.09268",
    ),
    "cmrc": Collection(
        files=(
            KnownFile(
                _CMRC + "cmrc2018_train.json",
                7_408_757,
                "5497aa2f81908e31d6b0e27d99b1f90ab63a8f58fa92fffe5d17cf62eba0c212",
            ),
            KnownFile(
                _CMRC + "cmrc2018_dev.json",
                3_299_139,
                "e9ff74231f05c230c6fa88b84441ee334d97234cbb610991cd94b82db00c7f1f",
            ),
        ),
        license="CC BY-SA 4.0",
        citation="Cui et al., A Span-Extraction Dataset for Chinese Machine Reading Comprehension, EMNLP 2019",
    ),
    "drcd": Collection(
        files=tuple(KnownFile(f"{_DRCD}DRCD_{part}.json") for part in ("training", "dev", "test")),
        license="CC BY-SA 3.0",
        citation="Shao et al., DRCD: a Chinese Machine Reading Comprehension Dataset, arXiv:1806.00920",
    ),
}
"""What `ham-mrc download` knows, by the name that one types."""
