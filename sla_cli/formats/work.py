"""The work folder: where artifacts lie by default, and which one a stage takes when it is told none.

stores/NAME/              runs/NAME/
emissions/RUN/SPLIT.h5    hypotheses/RUN/SPLIT-OPTIONS-DIGEST.tsv    scores/HYPOTHESES-PROFILE-DIGEST/
tuning/RUN-DIGEST/        lm/NAME.arpa            hypotheses/newest-elsewhere.json
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sla_cli.errors import SlaError
from sla_cli.formats.elsewhere import check_unchanged, newest_elsewhere, note_elsewhere
from sla_cli.formats.receipt import read_receipt
from sla_cli.log import log

HYPOTHESES = "*/*.tsv"


@dataclass(frozen=True)
class Work:
    """A work folder; nothing is created by looking."""

    root: Path

    def __post_init__(self) -> None:
        """Raises SlaError where a file lies in the folder's place."""
        if self.root.is_file():
            raise SlaError(f"the work folder {self.root} is a file", "Name a folder with --work or SLA_WORK.")

    @property
    def stores(self) -> Path:
        return self.root / "stores"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def emissions(self) -> Path:
        return self.root / "emissions"

    @property
    def hypotheses(self) -> Path:
        return self.root / "hypotheses"

    @property
    def tuning(self) -> Path:
        return self.root / "tuning"

    @property
    def scores(self) -> Path:
        return self.root / "scores"

    @property
    def lm(self) -> Path:
        return self.root / "lm"

    def find_lm(self, name: Path) -> Path:
        """A language model's file as it is named, else in the work folder. Raises SlaError where it is in neither."""
        for path in (name, self.lm / name):
            if path.exists():
                log.info("taking language model %s", path)
                return path
        raise SlaError(
            f"cannot read the language model {name}: no such file, nor {self.lm / name}",
            "`sla lm estimate` makes one; or name the file of another tool with its folder.",
        )

    def new_run(self, variant: str) -> Path:
        """A run folder that does not exist yet: VARIANT-1, VARIANT-2, …; it is created, so no other job gets it."""
        self.runs.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            try:
                (self.runs / f"{variant}-{number}").mkdir()
            except FileExistsError:
                number += 1
                continue
            return self.runs / f"{variant}-{number}"

    def only_store(self) -> Path:
        """The store, where there is exactly one: training on the wrong corpus costs days.

        Raises:
            SlaError: none, or several (listed).
        """
        found = finished(self.stores, "*")
        if len(found) > 1:
            raise SlaError(
                f"several stores in {self.stores}: {', '.join(path.name for path in found)}",
                f"Name one: {self.stores / found[0].name}",
            )
        return _take(found, "store", self.stores, "sla prep CORPUS SOURCE")

    def newest_run(self) -> Path:
        """The run that finished last."""
        return _take(finished(self.runs, "*"), "run", self.runs, "sla train")

    def newest_hypotheses(self) -> Path:
        """The hypotheses that were decoded last, also when `note_hypotheses` was told that they lie elsewhere.

        Raises:
            SlaError: none; or those that lie elsewhere are the newest, and are gone or were changed since.
        """
        found = finished(self.hypotheses, HYPOTHESES)
        noted = newest_elsewhere(self.root)
        if noted is not None and (not found or noted[1] >= _finished_at(found[0])):
            check_unchanged(*noted)
            found.insert(0, noted[0])
        return _take(found, "hypotheses", self.hypotheses, "sla decode")

    def note_hypotheses(self, path: Path) -> None:
        """Remember hypotheses that were just decoded, if they lie where `newest_hypotheses` does not look."""
        if path not in self.hypotheses.glob(HYPOTHESES):
            note_elsewhere(self.root, path, _finished_at(path))

    def newest_score(self) -> Path:
        """The score folder that was written last."""
        return _take(finished(self.scores, "*"), "score", self.scores, "sla score")

    def newest_unfinished_run(self) -> Path:
        """The run folder that was begun last and has no receipt."""
        begun = [path for path in self.runs.glob("*") if (path / "run.toml").is_file() and read_receipt(path) is None]
        if not begun:
            raise SlaError(f"no unfinished run in {self.runs}", "`sla train` starts one.")
        newest = max(begun, key=lambda path: (path / "run.toml").stat().st_mtime_ns)
        log.info("resuming run %s", newest)
        return newest


def finished(folder: Path, pattern: str) -> list[Path]:
    """Artifacts with a receipt, newest first; without one they are not complete."""
    dated = [(receipt.finished, path) for path in folder.glob(pattern) if (receipt := read_receipt(path)) is not None]
    return [path for _, path in sorted(dated, key=lambda pair: (pair[0], str(pair[1])), reverse=True)]


def lies_now(path: Path, *works: Path) -> Path | None:
    """`path`, or what lies at the end of it in a work folder, which may have been moved or copied; None for nothing."""
    places = [path, *(work.joinpath(*path.parts[start:]) for work in works for start in range(1, len(path.parts)))]
    # Path.exists would raise in a folder that may not be looked into, as another user's home.
    return next((place for place in places if os.path.exists(place)), None)  # noqa: PTH110


def store_now(told: Path, artifact: Path, option: str) -> Path:
    """Where the store lies now that was at `told` when an artifact was made.

    The artifact lies in its stage's folders of the work folder, or wherever the user wanted it there.

    Raises:
        SlaError: nowhere; `option`, which says where it lies, stands in the hint.
    """
    found = lies_now(told, *artifact.resolve().parents[2::-1])
    if found is None:
        hint = f"Say where it lies now with {option}, or put it back."
        raise SlaError(f"the store of {artifact} is gone: {told}", hint)
    if found != told:
        log.info("the store of %s is no longer at %s: taking %s", artifact, told, found)
    return found


def _take(found: list[Path], kind: str, folder: Path, command: str) -> Path:
    """The newest; named, since the user did not name it."""
    if not found:
        raise SlaError(f"no finished {kind} in {folder}", f"`{command}` makes it; --work names another work folder.")
    newest = [path for path in found if _finished_at(path) == _finished_at(found[0])]
    if len(newest) > 1:
        raise SlaError(f"cannot tell which {kind} is the newest: {', '.join(map(str, newest))}", "Name one of them.")
    log.info("taking %s %s", kind, found[0])
    return found[0]


def _finished_at(path: Path) -> str:
    receipt = read_receipt(path)
    return receipt.finished if receipt is not None else ""
