"""The work folder: where artifacts are by default, and which one a stage uses if none is named.

stores/NAME/              runs/NAME/
emissions/RUN/SPLIT.h5    hypotheses/RUN/SPLIT-OPTIONS-DIGEST.tsv    scores/HYPOTHESES-PROFILE-DIGEST/
lm/NAME.arpa              exports/STORE-LAYOUT/   hypotheses/newest-elsewhere.json
alignments/RUN/SPLIT-DIGEST.tsv

`newest-elsewhere.json` records where the newest hypotheses outside the work folder are: `path`, relative to the work
folder if the file is in it or next to it, and `finished` as in the file's receipt.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from sla_cli.artifact.json_file import read_json
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.config.bounds import WORK
from sla_cli.errors import FormatError, SlaError, argument
from sla_cli.log import ONCE, log
from sla_cli.store.paths import names_store, split_name
from sla_cli.system.atomic import write_text
from sla_cli.system.listing import listed
from sla_cli.work.hub import local, refuse_address

STORES, EMISSIONS, HYPOTHESES = "stores", "emissions", "*/*.tsv"
SEED = "-seed"  # before the seed, in the name of a run that is one of several seeds
DEEPEST = 100  # parts of a path inside a work folder, of which a stranger's file may state thousands
UNFINISHED_EXPORT = ".export.json"  # in the folder of an incomplete export: what it should become
Finished = tuple[str, Path]  # when an artifact was finished, as in its receipt, and its path


def search_of(hypotheses: Path) -> str:
    """How a file of the work folder was decoded, as its name says: `greedy`, `beam10`, `beam10-lm`."""
    return hypotheses.stem.partition("-")[2].rpartition("-")[0]


def resume_command(run: Path) -> str:
    """The command that continues a run, or several seeds, of this folder; it names another work folder than usual."""
    return f"`sla train --resume --name {shlex.quote(run.name)}{work_option(run.parent.parent)}`"


def work_option(work: Path) -> str:
    """` --work FOLDER` for a command in a hint; "" for the usual work folder."""
    return "" if work == Path(os.environ.get("SLA_WORK") or WORK) else f" --work {argument(work)}"


class Work:
    """A work folder; this does not create anything. Raises SlaError if the path is a file."""

    def __init__(self, root: Path) -> None:
        if root.is_file():
            raise SlaError(f"the work folder {root} is a file", "Name a folder with --work or SLA_WORK.")
        refuse_address(root)
        self.root = root
        self.stores, self.runs = root / STORES, root / "runs"
        self.emissions, self.hypotheses = root / EMISSIONS, root / "hypotheses"
        self.scores, self.lm = root / "scores", root / "lm"
        self.alignments, self.exports = root / "alignments", root / "exports"
        self.elsewhere = self.hypotheses / "newest-elsewhere.json"

    def find_lm(self, name: Path, own: Path | None = None) -> Path:
        """A language model's file at the given path, else that of the model, else that in this work folder.

        Args:
            own: of the model that is used, if it has one of this name.

        Raises:
            SlaError: there is none.
        """
        for path in (name, own, self.lm / name):
            if path is not None and path.exists() and not path.is_dir():
                log.info("using language model %s", path)
                return path
        found = "it is a folder" if name.is_dir() else "no such file"
        also = "" if name.is_absolute() else f", and there is no {self.lm / name}"
        raise SlaError(
            f"cannot read the language model {name}: {found}{also}",
            "`sla lm estimate` makes one; or give the full path of a file from another tool.",
        )

    def new_run(self, variant: str, seeds: Sequence[int] = ()) -> Path:
        """A run folder that does not exist yet: VARIANT-1, VARIANT-2, …; it is created, so no other job takes it.

        With seeds, no run of this name exists yet, with or without a seed; the folder of the first seed is created.
        """
        self.runs.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = self.runs / f"{variant}-{number}"
            if any(self.runs.glob(f"{path.name}{SEED}*")) or (seeds and path.exists()):
                continue
            with suppress(FileExistsError):
                (path.with_name(f"{path.name}{SEED}{seeds[0]}") if seeds else path).mkdir()
                break
        return path

    def only_store(self) -> Path:
        """The only store; there must be exactly one, as training on the wrong corpus costs days.

        Raises:
            SlaError: none, or several (listed).
        """
        found = finished(self.stores)
        if len(found) > 1:
            raise SlaError(
                f"several stores in {self.stores}: {', '.join(path.name for _, path in found)}",
                f"Name one: {found[0][1]}",
            )
        return _take(found, "store", self.stores, "sla prep CORPUS SOURCE")

    def store_given(self, given: Path | None) -> Path:
        """The given store as `store_if_given` finds it; by default the only one."""
        return self.store_if_given(given) or self.only_store()

    def store_if_given(self, given: Path | None) -> Path | None:
        """A store by its path or its name in this work folder, maybe with `:DIVISION`; None for None."""
        if given is None:
            return None
        folder, _ = split_name(given)  # raises with what was typed
        named = self.stores / given
        is_name = folder.name not in ("", "..") and names_store(named)  # `.` and the folder above have such names
        if is_name and _is_artifact(folder) and not (self.stores / folder).samefile(folder):
            log.warning("taking %s, not the store %s: give its path to take that", given, named, extra=ONCE)
        return named if is_name and not _is_artifact(folder) else given

    def newest_run(self) -> Path:
        """The run that was finished last."""
        return _take(finished(self.runs), "run", self.runs, "sla train")

    def newest_hypotheses(self) -> Path:
        """The hypotheses that were decoded last, also outside the work folder (see `note_hypotheses`).

        Raises:
            SlaError: there are none; or the newest are outside the work folder, and are gone or were changed since.
        """
        found = finished(self.hypotheses, HYPOTHESES)
        noted = self._noted_hypotheses()
        if noted is not None and (not found or noted[0] >= found[0][0]):
            _check_unchanged(*noted)
            found.insert(0, noted)
        return _take(found, "hypotheses", self.hypotheses, "sla decode")

    def note_hypotheses(self, path: Path) -> None:
        """Record the path of hypotheses that were just decoded, if `newest_hypotheses` would not find them.

        Warns if that cannot be written: the hypotheses are complete.
        """
        receipt = read_receipt(path)
        if receipt is None or path in self.hypotheses.glob(HYPOTHESES):
            return
        place, root = path.resolve(), self.root.resolve()
        noted = os.path.relpath(place, root) if place.is_relative_to(root.parent) else str(place)
        try:
            write_text(self.elsewhere, json.dumps({"path": noted, "finished": receipt.finished}) + "\n")
        except SlaError as error:
            log.warning("%s; sla score needs the name of %s", error.message, path)

    def _noted_hypotheses(self) -> Finished | None:
        if not self.elsewhere.is_file():
            return None
        try:
            note = read_json(self.elsewhere, "Delete it.", names=True)
            finished, place, here = str(note["finished"]), (self.root / note["path"]).resolve(), Path.cwd()
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:  # the last is for a loop of links
            raise FormatError(f"{self.elsewhere}: it does not say where hypotheses are", "Delete it.") from error
        return finished, place.relative_to(here) if place.is_relative_to(here) else place

    def newest_score(self) -> Path:
        """The score folder that was written last."""
        return _take(finished(self.scores), "score", self.scores, "sla score")

    def run_given(self, given: Path | None) -> Path:
        """The given path if an artifact is there, else the run of that name in this work folder; without a path the
        newest run.

        For a model on the hub it is its folder in the cache.

        Raises:
            SlaError: no run is finished, or the name means several seeds.
        """
        found = self.newest_run() if given is None else self._found(local(given))
        if not _is_artifact(found) and (seeds := seed_runs(self.runs, str(given))):
            raise self._several(str(given), seeds)
        return found

    def _several(self, name: str, runs: Sequence[Path]) -> SlaError:
        what = f"means several runs: {', '.join(path.name for path in runs)}" if runs else "is not a run"
        return SlaError(f"{name} {what}", f"Name one of those in {self.runs}, or a run's folder.")

    def _found(self, given: Path) -> Path:
        """The artifact at a path, or the run of this name; the path if there is neither.

        A link to a run is the run, under whose name its outputs are filed; one among runs is another name of it.
        """
        named = self.runs / given
        is_named = (named / "run.toml").is_file()
        if is_named and not _is_artifact(given):
            return named
        if is_named and not named.samefile(given):
            log.warning("taking %s, not the run %s: give its path to take that", given, named, extra=ONCE)
        linked = given.is_symlink() and (given / "run.toml").is_file()
        return given.resolve() if linked and given.absolute().parent.name != self.runs.name else given

    def runs_called(self, name: str) -> list[Path]:
        """The artifact at a path, or the run of this name; without both the runs of its seeds, in their order."""
        found = self._found(Path(name))
        return [found] if _is_artifact(found) else seed_runs(self.runs, name)

    def one_run(self, name: str) -> Path:
        """The run of a name or folder, or the folder of a model.

        Raises:
            SlaError: there is none, or the name means several seeds.
        """
        found = self.runs_called(str(local(Path(name))))
        if len(found) != 1:
            raise self._several(name, found)
        return found[0]

    def runs_to_resume(self, name: str | None) -> list[Path]:
        """The run of a name, or the runs of its seeds; without a name the unfinished run that was begun last.

        If this is one of several seeds, all of them: earlier ones may have been interrupted too.
        """
        if name is not None:
            own = self.runs / name
            return ([] if (own / "run.toml").is_file() else seed_runs(self.runs, name)) or [own]
        newest = self.newest_unfinished_run()
        group = seed_runs(self.runs, newest.name.rpartition(SEED)[0])
        return group if newest in group else [newest]

    def newest_unfinished_run(self) -> Path:
        """The run folder that was begun last and has no receipt."""
        begun = [one for one in listed(self.runs, "*") if (one / "run.toml").is_file() and read_receipt(one) is None]
        if not begun:
            raise SlaError(f"no unfinished run in {self.runs}", "`sla train` starts one.")
        newest = max(begun, key=lambda path: (path / "run.toml").stat().st_mtime_ns)
        log.info("resuming run %s", newest)
        return newest


def seed_runs(runs: Path, name: str) -> list[Path]:
    """The runs NAME-seed0, NAME-seed1, … that `sla train --seeds` made in a folder, in the order of their seeds."""
    found = {path: re.fullmatch(rf"{re.escape(name)}{SEED}(\d+)", path.name) for path in listed(runs, f"*{SEED}*")}
    seeds = {path: int(match[1]) for path, match in found.items() if match and (path / "run.toml").is_file()}
    return sorted(seeds, key=seeds.__getitem__)


def finished(folder: Path, pattern: str = "*") -> list[Finished]:
    """Artifacts with a receipt, newest first; those without are incomplete. A link to one of them is no other one."""
    paths = sorted(listed(folder, pattern), key=Path.is_symlink, reverse=True)
    found = {path.resolve(): path for path in paths}.values()
    dated = [(receipt.finished, path) for path in found if (receipt := read_receipt(path)) is not None]
    return sorted(dated, reverse=True)


def lies_now(path: Path, *works: Path) -> Path | None:
    """`path`, or the path with the same end in a work folder that was moved or copied; None if neither exists."""
    return path if _exists(path) else next(_within(path, works), None)


def find_source(recorded: Path, artifact: Path, is_it: Callable[[Path], bool] | None = None) -> Path | None:
    """The present path of the source of an artifact (such as a store) that was at `recorded`; None if it is gone.

    A copied work folder has its own copy of the source, while the recorded one may still exist. The copy is used if
    `is_it` confirms that it is the same, or is not given. Of several places where a source may be that is not at
    `recorded` any more, the first that `is_it` confirms is taken, else one that has changed. The store of its name in
    the work folder comes first: also one that was copied to a node for a job, and is gone there, is that one.
    """
    works = artifact.resolve().parents[2::-1]
    if is_it is None:
        return _own(recorded, works) or lies_now(recorded, *works)
    if not _exists(recorded):
        named = (place for work in works if _exists(place := work / STORES / recorded.name))
        changed = _within(recorded, works, parts=2)  # stores/NAME; of its name alone it may be the corpus
        return next(filter(is_it, chain(named, _within(recorded, works))), next(changed, None))
    own = _own(recorded, works)
    if own is None or is_it(own):
        return own or recorded
    message = "%s was made from %s, which is used: %s is a different one"
    log.info(message, artifact, recorded, own, extra=ONCE)
    return recorded


def store_now(recorded: Path, artifact: Path, option: str, is_it: Callable[[Path], bool] | None = None) -> Path:
    """Like `find_source`, but raises an error.

    The artifact is in the folder of its stage in the work folder, or where the user wrote it.

    Raises:
        SlaError: it was not found; the hint names `option`, with which the user can give the folder.
    """
    found = find_source(recorded, artifact, is_it)
    if found is None:
        raise SlaError(f"the store of {artifact} is gone: {recorded}", f"Give its folder with {option}, or restore it.")
    if found != recorded:
        log.info("the store of %s was at %s: using %s", artifact, recorded, found)
    return found


def _own(recorded: Path, works: Sequence[Path]) -> Path | None:
    """What a copied work folder has in the place of a source; None if it has nothing there, or is no copy."""
    places = _within(recorded, works, parts=2)
    return next((place for place in places if not (_exists(recorded) and place.samefile(recorded))), None)


def _within(path: Path, works: Sequence[Path], parts: int = 1) -> Iterator[Path]:
    """Paths in a work folder that have the same end as a path, at least this many parts; the longest end first."""
    ends = path.parts[1:][-DEEPEST:]
    starts = range(len(ends) - parts + 1)
    return filter(_exists, (work.joinpath(*ends[start:]) for start in starts for work in works))


def _exists(path: Path) -> bool:
    """Path.exists would raise in a folder without permission, such as another user's home."""
    return os.path.exists(path)  # noqa: PTH110


def _is_artifact(path: Path) -> bool:
    """Whether there is a file, or the folder of an artifact: any other folder may have the name of one by chance."""
    return path.is_file() or any((path / mark).is_file() for mark in ("receipt.json", "run.toml", "config.json"))


def _take(found: list[Finished], kind: str, folder: Path, command: str) -> Path:
    """The newest artifact; the log names it, since the user did not."""
    if not found:
        raise SlaError(f"no finished {kind} in {folder}", f"Run `{command}`, or name another work folder with --work.")
    newest = [path for finished, path in found if finished == found[0][0]]
    if len(newest) > 1:
        names = ", ".join(map(str, newest))
        raise SlaError(f"which {kind}? Several were finished at the same time: {names}", "Name one of them.")
    log.info("taking %s %s", kind, newest[0])
    return newest[0]


def _check_unchanged(finished: str, path: Path) -> None:
    """Raise SlaError if the newest hypotheses are gone, or were changed since they were decoded."""
    hint = "Name the hypotheses to score, or decode again with --force."
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises for a name that no file can have
        raise SlaError(f"the newest hypotheses are gone: {path}", hint)
    receipt, digest = read_receipt(path), digest_file(path)
    if receipt is None or (receipt.finished, receipt.results.get("digest", digest)) != (finished, digest):
        raise SlaError(f"the newest hypotheses were changed since they were decoded: {path}", hint)
