"""A synthetic corpus of continuous signing in the layout of RWTH-PHOENIX-Weather 2014.

Every clip depends only on (seed, split, number), so the corpus is the same with any number of processes.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from sla_cli.core.clip import SPLITS
from sla_cli.demo.drawing import draw_frame, draw_stage
from sla_cli.demo.grammar import draw_sentences
from sla_cli.demo.signers import SIGNERS
from sla_cli.demo.signing import sign_sentence
from sla_cli.errors import SlaError
from sla_cli.prep.encoding.process_pool import Failure, Item, ProcessPool, Result
from sla_cli.system.atomic import ELSEWHERE, HINTS

FOLDER = "phoenix-2014-multisigner"
# Run-length compression is the fastest for drawings: a sixth less time than the default, and not more bytes.
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
_FRAMES = Path("features") / "fullFrame-210x260px"


class _Task(NamedTuple):
    root: Path
    seed: int
    split: str
    number: int
    glosses: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"demo_{self.split}_{self.number:04d}"


def draw_corpus(
    out: Path,
    *,
    seed: int = 0,
    train: int = 240,
    dev: int = 40,
    test: int = 40,
    jobs: int = 2,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Draw `out`/phoenix-2014-multisigner: annotations, STM references and 210 x 260 PNG frames at 25 fps.

    The first 22 training clips together contain every gloss of the grammar, so a `train` of 22 or more clips covers
    the vocabulary of dev and test. No sentence of dev or test occurs in train; those of test are all different, as long
    as the grammar has enough.

    Args:
        out: folder for the corpus; created if it does not exist.
        train, dev, test: number of clips.
        jobs: processes; 0 uses all usable cores.
        progress: called with 1 after each clip.

    Raises:
        SlaError: `out` already contains a corpus (it might be the real one), or cannot be written.
    """
    final, partial = out / FOLDER, out / f".{FOLDER}.partial"
    if final.exists():
        raise SlaError(f"{final} exists already", "Choose an empty folder, or remove that one.")
    try:
        if partial.exists():
            shutil.rmtree(partial)  # left by an interrupted drawing
        counts = dict(zip(SPLITS, (train, dev, test), strict=True))
        tasks = [
            _Task(partial, seed, split, number, glosses)
            for split in SPLITS
            for number, glosses in enumerate(draw_sentences(seed, split, counts[split], different=split == "test"))
        ]
        drawn = dict(draw_all(_draw_clip, tasks, jobs, progress))
        for split in SPLITS:
            _write_tables(partial, split, [(task, drawn[task]) for task in tasks if task.split == split])
        partial.rename(final)
    except OSError as error:
        raise SlaError(
            f"cannot draw the corpus into {out}: {error.strerror or error}",
            f"{HINTS.get(error.errno, ELSEWHERE)}; --keep names one, and the corpus takes about 1 MB for each clip.",
        ) from error


def draw_all(
    draw: Callable[[Item], Result], tasks: Sequence[Item], jobs: int, progress: Callable[[int], None] | None
) -> Iterator[tuple[Item, Result]]:
    """Each task with the result of `draw`, in order of completion."""
    with closing(ProcessPool(jobs)) as pool:
        for task, answer in pool.run(draw, tasks):
            if isinstance(answer, Failure):
                raise SlaError(f"the corpus cannot be drawn: {answer.reason}", "Try fewer processes, such as -j 1.")
            yield task, answer
            if progress is not None:
                progress(1)


def _draw_clip(task: _Task) -> str:
    """Write the frames of one clip and return the name of its signer."""
    rng = np.random.default_rng([task.seed, SPLITS.index(task.split), task.number])
    signer = SIGNERS[rng.integers(len(SIGNERS))]
    stage = draw_stage(signer, light=rng.uniform(0.92, 1.04))
    folder = task.root / _FRAMES / task.split / task.id / "1"
    folder.mkdir(parents=True)
    for time, pose in enumerate(sign_sentence(task.glosses, signer, rng)):
        frame = cv2.cvtColor(draw_frame(pose, signer, stage), cv2.COLOR_RGB2BGR)
        _, encoded = cv2.imencode(".png", frame, _PNG)
        (folder / f"{task.id}.avi_pid0_fn{time:06d}-0.png").write_bytes(encoded.tobytes())
    return signer.name


def _write_tables(root: Path, split: str, drawn: Sequence[tuple[_Task, str]]) -> None:
    """Annotations, and for dev and test the STM references, with signers in lower case as in the release."""
    rows = [f"{task.id}|{task.id}/1/*.png|{signer}|{' '.join(task.glosses)}" for task, signer in drawn]
    _write_lines(root / "annotations" / "manual" / f"{split}.corpus.csv", ["id|folder|signer|annotation", *rows])
    if split != "train":
        stm = [f"{task.id} 1 {signer.lower()} 0.0 1.79769e+308 {' '.join(task.glosses)}" for task, signer in drawn]
        _write_lines(root / "evaluation" / f"phoenix2014-groundtruth-{split}.stm", stm)


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
