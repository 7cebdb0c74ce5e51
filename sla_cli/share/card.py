"""The card of a model: what is known from its run, its store and its scores, and what its author has to answer.

A number that no artifact has is not on it: what is unknown stands as unknown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, PackageLoader, StrictUndefined

from sla_cli import __version__
from sla_cli.core.arguments import as_line
from sla_cli.core.markdown import unmarked
from sla_cli.core.result import Score
from sla_cli.errors import SlaError
from sla_cli.log import log
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_in_memory
from sla_cli.store.clips import Split
from sla_cli.work.decoded import is_from, is_of_own_store
from sla_cli.work.folder import Work, search_of
from sla_cli.work.model_folder import ModelFacts, ModelFolder
from sla_cli.work.run import Run
from sla_cli.work.run_clips import how_changed

QUESTION = "**To be answered:**"  # begins what the author of a model has to say
LICENCE = re.compile(r"[a-z0-9][a-z0-9.+-]*")
CODE = re.compile(r"[a-z]{3}")  # of a language in ISO 639-3
FEW = 5  # occurrences of a gloss from which it can be called never recognised
SHOWN = 20  # glosses named in a list


@dataclass(frozen=True)
class Answers:
    """What only the author of a model can say; a blank answer is an open question.

    Attributes:
        language: the sign language, by its code in ISO 639-3, such as gsg.
        licence: of the model, by its identifier on the hub, such as cc-by-nc-sa-4.0 or other.
        corpus_licence: the terms of the recordings, and whether all people in them agreed to give a model away.
        contact: who answers questions, and removes the model if a person in the recordings asks for it.
    """

    language: str = ""
    licence: str = ""
    corpus_licence: str = ""
    contact: str = ""

    def __post_init__(self) -> None:
        """Raises SlaError for an answer that is not one line of text, or a language or licence without such a code."""
        for one in fields(self):
            answer = as_line(getattr(self, one.name), f"--{one.name.replace('_', '-')}")
            object.__setattr__(self, one.name, answer.strip())
        if self.licence and not LICENCE.fullmatch(self.licence):
            raise SlaError(
                f"--licence {self.licence!r} is no identifier of a licence on the hub",
                "It has small letters and no spaces, such as cc-by-nc-sa-4.0, mit or other.",
            )
        if self.language and not CODE.fullmatch(self.language):
            raise SlaError(
                f"--language {self.language!r} is no code in ISO 639-3",
                "It has three small letters, such as gsg, csl or sdl: https://iso639-3.sil.org",
            )


@dataclass(frozen=True)
class SplitFacts:
    """A split of the store: numbers of its clips, signers (0: unknown) and glosses, and its hours (None: unknown)."""

    name: str
    clips: int
    signers: int
    glosses: int
    hours: float | None

    @classmethod
    def of(cls, split: Split) -> SplitFacts:
        rates = split.clip_fps.tolist()
        hours = sum(n / fps for n, fps in zip(split.lengths, rates, strict=True)) / 3600 if all(rates) else None
        return cls(split.name, len(split), len({*split.signers} - {""}), sum(map(len, split.glosses)), hours)


@dataclass(frozen=True)
class Result:
    """A score of the run, and how it was decoded."""

    split: str
    search: str
    score: Score

    @property
    def worst(self) -> tuple[int, float, int] | None:
        """Number of the signer with the most errors in the order of names, the WER, and of how many signers."""
        signers = [one for one in self.score.breakdown.signers if one.counts.ref_words]
        if len(signers) < 2:
            return None
        number, worst = max(enumerate(signers, start=1), key=lambda one: one[1].counts.wer)
        return number, worst.counts.wer, len(signers)

    @property
    def never(self) -> list[str]:
        """Glosses of at least `FEW` occurrences of which none was recognised."""
        glosses = self.score.breakdown.glosses
        return [one.gloss for one in glosses if not one.correct and one.substituted + one.deleted >= FEW]


@dataclass(frozen=True)
class Card:
    """The content of a card, except what the model folder itself says.

    Attributes:
        splits: of the store of the run; () if that is gone, or has changed since training.
        shared: whether signers of dev or test are also in train; None if unknown.
    """

    name: str
    answers: Answers
    splits: Sequence[SplitFacts]
    shared: bool | None
    results: Sequence[Result]

    @property
    def open_questions(self) -> tuple[str, ...]:
        return tuple(one.name for one in fields(Answers) if not getattr(self.answers, one.name))

    def text(self, facts: ModelFacts) -> str:
        """README.md, with the metadata of the hub in front."""
        environment = Environment(
            loader=PackageLoader("sla_cli.share", ""), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
            keep_trailing_newline=True, autoescape=False,
        )  # fmt: skip
        environment.filters["unmarked"] = unmarked
        return environment.get_template("card.md.j2").render(
            card=self, facts=facts, metadata=self._metadata(facts), question=QUESTION, sla=__version__, shown=SHOWN
        )

    def _metadata(self, facts: ModelFacts) -> str:
        results = [
            EvalResult(
                task_type="sign-language-recognition",
                task_name="Continuous sign language recognition",
                dataset_type=facts.run.corpus,
                dataset_name=facts.run.corpus,
                dataset_split=one.split,
                metric_type="wer",
                metric_value=round(one.score.total.wer, 2),
                metric_name=f"WER ({one.search})",
            )
            for one in self.results
        ]
        data = ModelCardData(
            language=self.answers.language or None,
            license=self.answers.licence or None,
            library_name="sla",
            tags=["sign-language-recognition", "continuous-sign-language-recognition", "sign-language", "video"],
            metrics=["wer"],
            pipeline_tag="other",
            model_name=self.name,
            eval_results=results or None,
        )
        return data.to_yaml(line_break="\n").rstrip()


def card_of(run: Run, answers: Answers) -> Card:
    """What the run's store and the hypotheses in its work folder say about it. Raises SlaError if it is no run."""
    if isinstance(run, ModelFolder):
        raise SlaError(f"{run.path} is a model already", "Copy its folder.")
    _ = run.facts  # refuses what is no run
    name = run.name
    try:
        store = run.own_clips()
    except SlaError as error:
        log.warning("the card says nothing of the recordings: %s", error.message)
        return Card(name, answers, (), None, _results(run, ("dev", "test")))
    if changed := how_changed(run, store, "export where it is as it was"):
        log.warning("the card says nothing of the recordings, nor of test: %s", changed)
        return Card(name, answers, (), None, _results(run, ("dev",)))
    train = {*store["train"].signers} - {""}
    others = {signer for name in store.splits if name != "train" for signer in store[name].signers} - {""}
    shared = bool(train & others) if train and others else None
    splits = [SplitFacts.of(store[name]) for name in store.splits]
    return Card(name, answers, splits, shared, _results(run, ("dev", "test")))


def _results(run: Run, splits: Sequence[str]) -> list[Result]:
    """Scores of the run's hypotheses of its own splits; other files are left out, with a warning if they cannot be
    scored."""
    profile = run.facts.profile
    works = (Work(path.parent.parent) for path in (run.path.absolute(), run.path.resolve()))  # its folder may be a link
    files = next(filter(None, (sorted((work.hypotheses / run.name).glob("*.tsv")) for work in works)), [])
    own = [(split, file) for file in files if (split := file.name.partition("-")[0]) in splits and _is_own(run, file)]
    often = Counter((split, search_of(file)) for split, file in own)
    found = []
    for split, file in own:
        search = search_of(file)
        if often[split, search] > 1:  # with its digest
            search = file.stem.partition("-")[2]
        try:
            score, _ = score_in_memory(file, None, ScoreOptions(profile))
        except SlaError as error:
            log.warning("the card lacks the error rate of %s: %s", file.name, error.message)
        else:
            found.append(Result(split, search, score))
    return found


def _is_own(run: Run, hypotheses: Path) -> bool:
    """Whether receipts lead from hypotheses to the present weights of the run, and to the store that it was trained
    on, in the same division."""
    return is_from(hypotheses, run.weights_digest) and is_of_own_store(hypotheses, run)
