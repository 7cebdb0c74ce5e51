"""The readers: each with its seed files, the changes that know its format, and the function that it calls."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from artifacts import GLOSSES, Artifacts, make, stored

from fuzzing import inside, seeds
from fuzzing.mutate import Mutation
from sla_cli.annotation.eaf_edit import add_to
from sla_cli.annotation.formats import parse_annotation
from sla_cli.annotation.layout import Layout
from sla_cli.annotation.recognizer_tiers import read_spans
from sla_cli.artifact.receipt import digest_file, read_receipt
from sla_cli.config.settings import from_dict
from sla_cli.config.toml_file import read_toml
from sla_cli.core.annotation import Annotation, Sentence, Sign
from sla_cli.core.clip import Source
from sla_cli.data.kept import KeptFeatures
from sla_cli.decode.decode_split import decode_split
from sla_cli.elan.call import read_call
from sla_cli.elan.parameters import RECOGNIZERS
from sla_cli.errors import SlaError
from sla_cli.exchange.gloss_files import export_text, read_gloss_file
from sla_cli.lm.kenlm_model import describe_lm, open_lm, out_of_vocabulary
from sla_cli.lm.sentences import read_lines
from sla_cli.model.checkpoint import load_weights
from sla_cli.model.device import place
from sla_cli.model.domain import load_domain
from sla_cli.model.frame_scores import load_scorer
from sla_cli.model.weights import read_weights
from sla_cli.prep.begun import read_begun
from sla_cli.prep.corpora import find_corpus
from sla_cli.prep.encoding.cache import read_cached
from sla_cli.score.score import ScoreOptions
from sla_cli.score.score_file import score_in_memory
from sla_cli.search.beam_decoder import BeamOptions
from sla_cli.share.card import Answers, Card
from sla_cli.share.export import export_run
from sla_cli.store.codec import decode
from sla_cli.store.division import read_division
from sla_cli.store.paths import clips_path, division_path
from sla_cli.store.store import Store
from sla_cli.train.state import State, load_state
from sla_cli.video.frames import FrameReader
from sla_cli.video.source import open_tree
from sla_cli.video.tree import Tree
from sla_cli.work.alignment import read_alignment
from sla_cli.work.calibration import read_calibration
from sla_cli.work.describe import describe
from sla_cli.work.emissions import Emissions
from sla_cli.work.folder import Work
from sla_cli.work.model_folder import ModelFolder
from sla_cli.work.run import Run
from sla_cli.work.scores import read_scores
from sla_cli.work.tuning import read_tuned

Read = Callable[[Path], object]
JSON = (inside.in_json, inside.in_json)
SIGNS = Annotation("v", None, 2.0, (Sentence((Sign("A", 0.1, 0.5, 0.9), Sign("B", 0.6, 1.0, 0.5))),), {"run": "r"})
WIDTH = 8  # channels of features
FRAMES = 200  # frames of a recording that are read


@dataclass(frozen=True)
class Reader:
    """A reader.

    Attributes:
        file: the file that is changed, within its folder.
        seeds: initial contents of the file.
        read: called with its path.
        own: changes that know the format.
        others: files next to it: path to content.
        copied: a folder whose content is copied next to it.
    """

    name: str
    file: str
    seeds: Sequence[bytes]
    read: Read
    own: Sequence[Mutation] = ()
    others: Mapping[str, bytes] = field(default_factory=dict)
    copied: Path | None = None

    def laid(self, box: Path) -> Path:
        """Make `box`/work with the files that the reader needs, and `box`/tmp. Returns `box`."""
        (box / "tmp").mkdir(parents=True)
        if self.copied is not None:
            shutil.copytree(self.copied, box / "work")
        for name, content in {**self.others, self.file: self.seeds[0]}.items():
            path = box / "work" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return box


def all_readers(folder: Path, wanted: Sequence[str] | None) -> list[Reader]:
    """The readers, or those with these names; artifacts are made in `folder`."""
    made = make(folder)
    found = [*_exchanged(), *_models(made), *_artifacts(made), *_corpora(), *_annotations(), *_recordings()]
    known = {reader.name: reader for reader in found}
    assert len(known) == len(found)
    if unknown := [name for name in wanted or () if name not in known]:
        raise SystemExit(f"no reader {', '.join(unknown)}; there are {', '.join(known)}")
    return [known[name] for name in wanted] if wanted else found


def _exchanged() -> list[Reader]:
    """Readers of hypotheses, references and texts."""

    def read(path: Path) -> None:
        _all(lambda: exported(path), lambda: describe(path))

    def exported(path: Path) -> None:
        export_text("jsonl", list(read_gloss_file(path).nbest.values()))

    def scored(path: Path) -> None:
        score_in_memory(path, Path("ref.stm"), ScoreOptions("none", partial=True))

    golden, golden_is = "golden/phoenix2014-dev", "golden/isharah1000-si-dev"
    kinds: Mapping[str, tuple[Sequence[bytes], Sequence[Mutation]]] = {
        "ctm": ([seeds.CTM.encode(), *seeds.head(f"{golden}/hyp.ctm")], ()),
        "stm": ([seeds.STM.encode(), *seeds.head(f"{golden}/ref.stm")], ()),
        "trn": ([seeds.TRN.encode()], ()),
        "csv": ([seeds.CSV.encode(), *seeds.head(f"{golden_is}/hyp.csv")], ()),
        "txt": ([seeds.PLAIN.encode(), seeds.TABLE.encode(), *seeds.head(f"{golden_is}/ref.txt")], ()),
        "jsonl": ([seeds.JSONL.encode()], (inside.in_json_lines,)),
        "tsv": ([seeds.HYPOTHESES.encode()], ()),
    }
    others = {"ref.stm": seeds.STM.encode()}
    return [
        *(Reader(name, f"x.{name}", found, read, own) for name, (found, own) in kinds.items()),
        Reader("scored", "x.jsonl", kinds["jsonl"][0], scored, kinds["jsonl"][1], others),
        Reader("text", "x.txt", [b"NORD REGEN\nSONNE\n\n"], lambda path: list(read_lines(path))),
    ]


def _models(made: Artifacts) -> list[Reader]:
    """Readers of language models and weights."""

    def arpa(path: Path) -> None:
        describe_lm(path)
        model = open_lm(path)
        out_of_vocabulary(model, GLOSSES)
        model.score("NORD REGEN x")

    def checkpoint(path: Path) -> None:
        load_weights(path, made.network(), GLOSSES)

    def state(path: Path) -> None:
        load_state(path, State(made.network(), made.config, place("cpu", "fp32")))

    models = [seeds.ARPA.encode(), made.lm.read_bytes()]
    models += seeds.head("golden/gloss-lm/phoenix2014-train.3gram.arpa", 60)
    best, saved = made.run.best.read_bytes(), made.run.state.read_bytes()

    def features(path: Path) -> None:
        for index in range(len(split)):
            KeptFeatures(path.parent, split, WIDTH)[index]

    def model(path: Path) -> None:
        _all(lambda: opened(path.parent), lambda: describe(path.parent))

    def opened(path: Path) -> None:
        found = ModelFolder(path)
        load_weights(found.best, made.network(), found.glosses)

    split = Store(made.store)["train"]
    folder = made.run.path.parents[1]
    export_run(made.run, folder / "model", Card("m", Answers(), (), None, ()))
    KeptFeatures(folder / "features", split, WIDTH).keep(0, torch.zeros(sum(split.lengths), WIDTH))
    kept = [(folder / "features" / "000000.npz").read_bytes()]
    parts = {f"m/{one.name}": one.read_bytes() for one in (folder / "model").iterdir()}
    described = parts["m/config.json"]
    return [
        Reader("model", "m/config.json", [described], model, (inside.in_model,) * 4, parts),
        Reader("model weights", "m/model.safetensors", [parts["m/model.safetensors"]], model, (), parts),
        Reader("features", "000000.npz", kept, features, (inside.in_zip,)),
        Reader("arpa", "lm.arpa", models, arpa),
        Reader("arpa.gz", "lm.arpa.gz", seeds.gzipped(models), arpa, (inside.in_gzip, inside.in_gzip)),
        Reader("checkpoint", "best.safetensors", [best], checkpoint, (inside.in_safetensors,)),
        Reader("weights", "x.safetensors", [best], read_weights, (inside.in_safetensors,)),
        Reader("weights.pt", "x.pt", [saved], read_weights, (inside.in_zip, inside.in_zip)),
        Reader("state", "state.pt", [saved], state, (inside.in_zip, inside.in_zip)),
    ]


def _artifacts(made: Artifacts) -> list[Reader]:
    """Readers of artifacts, with receipts that others may have written."""
    hdf5, tensors = (inside.in_hdf5,) * 3, (inside.in_safetensors,)

    def emissions(path: Path) -> None:
        _all(lambda: decoded(path), lambda: describe(path))

    def decoded(path: Path) -> None:
        found = Emissions(path)
        decode_split(found, found.header.glosses, found.header.stride, BeamOptions(beam=3))

    def store(path: Path) -> None:
        _all(lambda: stored(path.parent), lambda: describe(path))

    def division(path: Path) -> None:
        _all(lambda: read_division(path), lambda: stored(path.parents[1]))

    def config(path: Path) -> None:
        from_dict(read_toml(path))

    def run(path: Path) -> None:
        found = Run(path.parent)
        _all(
            lambda: found.facts,
            lambda: found.config,
            found.read_metrics,
            lambda: found.store,
            lambda: describe(path.parent),
        )

    width, weights = made.network().backbone.width, digest_file(made.run.best)

    def scorer(path: Path) -> None:
        _all(lambda: load_scorer(path, (len(GLOSSES) + 1, width), weights), lambda: describe(path.parent))

    def domain(path: Path) -> None:
        _all(lambda: load_domain(path, width, weights), lambda: describe(path.parent))

    def calibration(path: Path) -> None:
        _all(lambda: read_calibration(path, weights), lambda: describe(path.parent))

    def scores(path: Path) -> None:
        _all(lambda: read_scores(path.parent), lambda: describe(path.parent))

    def receipt(path: Path) -> None:
        artifact = path.with_name("x.tsv")
        scored = (lambda: read_gloss_file(artifact), lambda: score_in_memory(artifact, None, ScoreOptions("none")))
        _all(lambda: read_receipt(artifact), *scored, lambda: describe(path))

    def note(path: Path) -> None:
        Work(path.parents[1]).newest_hypotheses()

    def tuned(path: Path) -> None:
        read_tuned(path.parent)

    receipts = seeds.receipts(made.store.parent)
    files = {path.name: path.read_bytes() for path in made.run.path.iterdir() if path.is_file()}
    scores_file, domain_file = made.run.frame_scores.name, made.run.domain.name
    at_run = {f"r/{name}": content for name, content in files.items()}
    score_files = {f"s/{name}": (made.score / name).read_bytes() for name in ("score.json", "clips.tsv")}
    store_files = {
        f"store/{path.relative_to(made.store)}": path.read_bytes() for path in made.store.rglob("*") if path.is_file()
    }
    divided = division_path(made.store, "corpus").read_bytes()
    hypotheses = {"x.tsv": seeds.HYPOTHESES.encode()}
    finished = b'{"version": 1, "stage": "decode", "arguments": {}, "inputs": {}, "finished": "2026"}'
    newest = [b'{"path": "x.tsv", "finished": "2026"}']
    noted = {"w/x.tsv": hypotheses["x.tsv"], "w/x.tsv.receipt.json": finished}
    stores = [clips_path(folder).read_bytes() for folder in (made.store, made.merged)]
    table = [made.alignment.read_bytes()]
    return [
        Reader("emissions", "dev.h5", [made.emissions.read_bytes()], emissions, hdf5),
        Reader("store", "store/clips.h5", stores, store, hdf5, store_files),
        Reader("division", "store/divisions/corpus.tsv", [divided], division, (), store_files),
        Reader("config.toml", "c.toml", [files["config.toml"]], config),
        Reader("run.toml", "r/run.toml", [files["run.toml"]], run, (), at_run),
        Reader("run's config", "r/config.toml", [files["config.toml"]], run, (), at_run),
        Reader("metrics", "r/metrics.tsv", [files["metrics.tsv"]], run, (), at_run),
        Reader("frame scores", f"r/{scores_file}", [files[scores_file]], scorer, tensors, at_run),
        Reader("domain", f"r/{domain_file}", [files[domain_file]], domain, tensors, at_run),
        Reader("calibration", "r/calibration.json", [files["calibration.json"]], calibration, JSON, at_run),
        Reader("score.json", "s/score.json", [score_files["s/score.json"]], scores, JSON, score_files),
        Reader("clips.tsv", "s/clips.tsv", [score_files["s/clips.tsv"]], scores, (), score_files),
        Reader("receipt", "x.tsv.receipt.json", receipts, receipt, JSON, hypotheses),
        Reader("tuned", "t/tuned.json", [(made.tuning / "tuned.json").read_bytes()], tuned, JSON),
        Reader("alignment", "a.tsv", table, lambda path: _all(lambda: read_alignment(path), lambda: describe(path))),
        Reader("begun", "s/begun.json", seeds.begun(), lambda path: read_begun(path.parent), JSON),
        Reader("newest", "w/hypotheses/newest-elsewhere.json", newest, note, JSON, noted),
        Reader("spool", "x.npz", seeds.spooled(), read_cached, (inside.in_zip,)),
    ]


def _corpora() -> list[Reader]:
    """Readers of tables of corpora, as `sla prep` lists their clips."""

    def lists(corpus: str, root: str) -> Read:
        def read(path: Path) -> None:
            found = find_corpus(corpus)
            found.read(found.open(Path(root), None), found.options())

        return read

    found = []
    for name in ("phoenix2014", "phoenix2014t"):
        table, files, tables = seeds.phoenix(name)
        found.append(Reader(name, f"c/{table}", tables, lists(name, "c"), (), _below(files)))
    files, splits, labels, pickled = seeds.csl_daily()
    map_file, read = "c/sentence_label/video_map.txt", lists("csl-daily", "c")
    beside = _below(files) | {map_file: labels}
    real = seeds.head("data/csl-daily/video_map.truncated.txt")
    found += [
        Reader("csl-daily", map_file, [labels, *real], read, (), beside),
        Reader("csl splits", "c/sentence_label/split_1.txt", [splits], read, (), beside),
        Reader("csl pickle", "c/sentence_label/csl2020ct_v2.pkl", [pickled], read, (inside.in_pickle,), _below(files)),
    ]
    signed = seeds.isharah()
    tables = [signed["SI/train.txt"], *seeds.head("data/isharah1000/SI/train.txt")]
    found.append(Reader("isharah", "c/SI/train.txt", tables, lists("isharah1000", "c"), (), _below(signed)))
    recordings = {"c/v/a.mp4": b"x", "c/v/b/1.png": b"x"}
    table = [seeds.TABLE.encode(), seeds.TABLE.replace(",", "\t").encode()]
    return [*found, Reader("folder", "c/table.csv", table, lists("folder", "c"), (), recordings)]


def _annotations() -> list[Reader]:
    """Readers of files of ELAN, Praat and players, as in `sla prep elan`; tiers are also added to ELAN files."""

    def annotation(path: Path) -> None:
        parse_annotation(path.read_bytes(), path.name)

    def corpus(path: Path) -> None:
        annotation(path)
        found = find_corpus("elan")
        found.read(found.open(path.parent, None), found.options(tier=("*I*",)))

    def edited(path: Path) -> None:
        add_to(path, SIGNS, Layout(tier="NEW", sentences=True, confidence=True), replace=True)
        annotation(path)

    real = [*seeds.whole("data/elan/cont_annotation.eaf"), *seeds.whole("data/elan/gloss-1.eaf")]
    eaf, video = [seeds.EAF.encode()] * 4 + real, {"c/v.mp4": b"x"}
    grids = [seeds.TEXTGRID.encode(), seeds.SHORT_TEXTGRID.encode(), seeds.TEXTGRID.encode("utf-16")]

    def call(path: Path) -> None:
        read_call(path.read_bytes(), RECOGNIZERS[0])

    return [
        Reader("elan call", "call.xml", [seeds.CALL.encode()], call),
        Reader("elan tier", "tier.xml", [seeds.SPANS.encode()], read_spans),
        Reader("eaf", "c/v.eaf", eaf, corpus, (), video),
        Reader("eaf edited", "v.eaf", eaf, edited),
        Reader("textgrid", "c/v.TextGrid", grids, corpus, (), video),
        Reader("srt", "x.srt", [seeds.SRT.encode()], annotation),
        Reader("vtt", "x.vtt", [seeds.VTT.encode()], annotation),
    ]


def _recordings() -> list[Reader]:
    """Readers of archives, pictures and videos."""

    def archive(path: Path) -> None:
        tree = open_tree(path)
        _walk(tree, "")
        _all(*(lambda name=name: _frames(path, name) for name in ("c1", "a")))

    def frames(path: Path) -> None:
        _frames(path.parents[1], path.parent.name)

    def recording(path: Path) -> None:
        _all(lambda: _frames(path.parent, path.name), lambda: _frames(path.parent, path.name, 0.1))

    def stored_frame(path: Path) -> None:
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for codec in ("jpeg", "png", "raw"):
            for reduce in (1, 2):
                decode(data, codec, 48, reduce)

    tars, png, jpeg = seeds.tarred(), seeds.pictures(".png"), seeds.pictures(".jpg")
    found = [
        Reader("zip", "x.zip", seeds.zipped(), archive, (inside.in_zip, inside.in_zip)),
        Reader("tar", "x.tar", tars, archive, (inside.in_tar, inside.in_tar)),
        Reader("tar.gz", "x.tar.gz", seeds.gzipped(tars), archive, (inside.in_gzip,)),
        Reader("png", "c/f/1.png", png, frames, (inside.in_png,)),
        Reader("apng", "c/f/1.png", seeds.several(".png"), frames, (inside.in_png,)),
        Reader("tiff", "c/f/1.tiff", seeds.several(".tiff"), frames),
        Reader("webp", "c/f/1.webp", seeds.several(".webp"), frames),
        Reader("jpeg", "c/f/1.jpg", jpeg, frames),
        Reader("frame", "x", [*jpeg, *png], stored_frame, (inside.in_png,)),
    ]
    kinds = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "FFV1", ".webm": "VP80", ".mov": "mp4v"}
    videos = {ending: seeds.video(ending, codec) for ending, codec in kinds.items()}
    return [*found, *(Reader(ending[1:], f"v{ending}", data, recording) for ending, data in videos.items() if data)]


def _below(files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"c/{name}": content for name, content in files.items()}


def _all(first: Callable[[], object], *others: Callable[[], object]) -> None:
    """All calls, even if an earlier one was refused; the outcome of the first counts."""
    try:
        first()
    finally:
        for call in others:
            with suppress(SlaError):
                call()


def _walk(tree: Tree, folder: str) -> None:
    for name in tree.names(folder):
        path = f"{folder}/{name}" if folder else name
        if tree.is_dir(path):
            _walk(tree, path)
        elif tree.is_file(path):
            _all(lambda path=path: (tree.read(path), tree.sample(path), tree.stamp(path)))


def _frames(root: Path, path: str, start: float | None = None) -> None:
    for _ in islice(FrameReader(Source(root, path, start=start), fps=25.0), FRAMES):
        pass
