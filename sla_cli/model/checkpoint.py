"""Trained weights on disk: safetensors; the header identifies their backbone and glosses.

The file of a model folder (work/model_folder.py) has the tensors of several such files, each with its header, as parts.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sla_cli.artifact.json_file import parse_json
from sla_cli.artifact.version import check_version
from sla_cli.config.settings import Config
from sla_cli.errors import FormatError, SlaError, reading, some
from sla_cli.log import log
from sla_cli.model.network import Network
from sla_cli.store.store import vocabulary_digest
from sla_cli.system.atomic import atomic_write
from sla_cli.system.host_memory import check_fits
from sla_cli.system.regular_file import open_regular
from sla_cli.work.calibration import FIT_AGAIN
from sla_cli.work.run import AGAIN

NAME, VERSION = "sla-checkpoint", 1
MODEL, MODEL_VERSION = "sla-model", 1
# Format of a file to the part of a model that has its content: the beginning of the names of its tensors.
PARTS = {NAME: "trained", "sla-frame-scores": "frame_scores", "sla-domain": "domain"}
RETRAIN = "Train again with `sla train`."
SAME = 1e-4  # relative; if norms differ by less, the weights come from the same random draw


def save_weights(path: Path, model: Network, glosses: tuple[str, ...]) -> None:
    """Write the trained weights; of the frozen backbone only its digest. Equal weights give equal bytes."""
    header = {
        "format": NAME,
        "version": str(VERSION),
        "backbone": model.backbone_digest,
        "backbone_name": model.backbone_name,
        "glosses": vocabulary_digest(glosses),
    }
    if model.backbone_norms is not None:
        header["backbone_norms"] = json.dumps(model.backbone_norms)
    write_tensors(path, model.trained_state(), header)


def write_tensors(path: Path, values: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write tensors with a header, to which their digest is added. Equal content gives equal bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in values.items()}
    _write(path, tensors, {**header, "tensors": _digest(tensors, header)})


def write_model(path: Path, parts: Mapping[str, tuple[Mapping[str, Tensor], Mapping[str, str]]]) -> None:
    """Write the file of a model folder. Equal content gives equal bytes.

    Args:
        parts: tensors and header of each; a header of its own makes a part readable as the file that it comes from.
    """
    tensors: dict[str, Tensor] = {}
    header = {"format": MODEL, "version": str(MODEL_VERSION)}
    for part, (values, facts) in parts.items():
        own = {name: value.detach().cpu().contiguous() for name, value in values.items()}
        header[part] = json.dumps({**facts, "tensors": _digest(own, facts)}, sort_keys=True, ensure_ascii=False)
        tensors |= {f"{part}.{name}": value for name, value in own.items()}
    _write(path, tensors, header)


def _write(path: Path, tensors: dict[str, Tensor], header: dict[str, str]) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.writelines(_ordered(save(tensors, header)))  # save_file replaces the error of a full disk by its own


def _ordered(file: bytes) -> tuple[bytes, bytes, memoryview]:
    """The parts of a safetensors file with sorted metadata: safetensors writes them in a different order each time."""
    begin = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:begin])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)  # tensors begin at a multiple of 8 bytes
    return len(text).to_bytes(8, "little"), text, memoryview(file)[begin:]


def load_weights(path: Path, model: Network, glosses: tuple[str, ...]) -> None:
    """Load trained weights into a model of the same configuration.

    Raises:
        SlaError: as `read_weights`.
        FormatError: weights of another configuration; or as `read_weights`.
    """
    tensors = read_weights(path, model, glosses)
    if misfits := model.misfits(tensors):
        raise FormatError(f"{path} does not fit the model: {some(misfits, 3)}", "Was config.toml edited?")
    model.load_state_dict(tensors, strict=False)


def network_for(path: Path, config: Config, glosses: tuple[str, ...]) -> Network:
    """A model whose trained weights are in a file, without them: settings that ask for more than it has are refused.

    Raises:
        SlaError: as `Network`, and for no such file.
        FormatError: the file has fewer weights; or it is damaged.
    """
    with _opened(path, AGAIN) as file:
        most = sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118  # it is no dict
    try:
        return Network(config, len(glosses), most=most)
    except FormatError as error:
        raise FormatError(f"{path} does not fit the model: {error.message}", "Was config.toml edited?") from error
    except SlaError as error:  # of a setting, which does not know its file
        raise SlaError(f"{path.parent}: {error.message}", error.hint) from error


def read_weights(path: Path, model: Network, glosses: tuple[str, ...]) -> dict[str, Tensor]:
    """Trained weights by name, for a run with these glosses and with the backbone of a model.

    Raises:
        SlaError: no such file, another backbone, or other glosses.
        FormatError: not a checkpoint of sla, or a damaged one.
    """
    tensors, header = read_tensors(path, NAME, VERSION, AGAIN)
    try:
        glosses_then, backbone = header["glosses"], header["backbone"]
        norms = [float(norm) for norm in json.loads(header["backbone_norms"])] if "backbone_norms" in header else None
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{path}: its header is damaged", AGAIN) from error
    if glosses_then != vocabulary_digest(glosses):
        list_of = f"the {len(glosses)} of its folder, whose list is damaged or was edited"
        fault = f"{path} was trained on other glosses than {list_of}"
        raise SlaError(fault, "Copy the run or the model again.")
    if header.get("backbone_name") != model.backbone_name or not same_backbone(backbone, norms, model):
        raise SlaError(
            f"{path} was trained with another backbone ({header.get('backbone_name', 'unknown')}, weights "
            f"{backbone}; here {model.backbone_name}, {model.backbone_digest})",
            "Give the weights file of the run with --weights.",
        )
    return tensors


def read_tensors(path: Path, name: str, version: int, again: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a file that `write_tensors` wrote, or of that part of a model, and their header.

    Args:
        name, version: of its format.
        again: what to do if it is damaged.

    Raises:
        SlaError: there is none, or it is larger than the memory.
        FormatError: another format or version, or a damaged file.
    """
    with _opened(path, again) as file:
        header, prefix = file.metadata() or {}, ""
        if header.get("format") == MODEL:
            check_version(path, MODEL, MODEL_VERSION, header.get("version"), again)
            prefix = f"{PARTS[name]}."
            header = _header_of(path, header, PARTS[name], again)
        names = [key for key in file.keys() if key.startswith(prefix)]  # noqa: SIM118  # it is no dict
        # Not the memory map of the file, in which the values would change if somebody overwrites it.
        tensors = {key.removeprefix(prefix): file.get_tensor(key).clone() for key in names}
    if header.get("format") != name:
        raise FormatError(f"{path}: format {header.get('format') or 'unknown'}, expected {name}", RETRAIN)
    check_version(path, name, version, header.get("version"), RETRAIN)
    if header.get("tensors") != _digest(tensors, header):
        raise FormatError(f"{path} is damaged: its weights or its header are not as they were written", again)
    return tensors, header


@contextmanager
def _opened(path: Path, again: str) -> Iterator[safe_open]:
    """A safetensors file, of which no tensor is read yet. Raises as `read_tensors`, also for what the block reads."""
    if not path.is_file():
        raise SlaError(f"no checkpoint {path}", "`sla train` makes it at the end of the first epoch.")
    check_fits(path)
    with reading(path), open_regular(path):  # safetensors says of one that cannot be read that it is not there
        pass
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise SlaError(f"{path}: safetensors opens no file whose path is not UTF-8", "Rename its folders.") from error
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except SafetensorError as error:
        raise FormatError(f"{path}: not a safetensors file, or a damaged one ({error})", again) from error


def _header_of(path: Path, header: Mapping[str, str], part: str, again: str) -> dict[str, str]:
    """The header of a part of a model. Raises FormatError if there is none."""
    if part not in header:
        raise FormatError(f"{path} has no part {part!r}", again)
    found = parse_json(header[part], str(path), again)
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise FormatError(f"{path}: its header is damaged ({part})", again)
    return found


def read_fitted(
    path: Path, name: str, version: int, weights: str, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors of a file that was fitted to a checkpoint when training was over, and its header.

    Args:
        name, version: of its format.
        weights: digest of the checkpoint, which the header has too.
        shapes: of the tensors.

    Raises:
        FormatError: it is damaged, holds a value that is not finite, or belongs to another checkpoint or model.
    """
    tensors, header = read_tensors(path, name, version, FIT_AGAIN)
    if header.get("weights") != weights:
        raise FormatError(f"{path} belongs to another checkpoint than the one beside it", FIT_AGAIN)
    if {name: tuple(value.shape) for name, value in tensors.items()} != shapes:
        raise FormatError(f"{path} does not fit the model", FIT_AGAIN)
    if any(not value.isfinite().all() for value in tensors.values()):
        raise FormatError(f"{path}: it holds values that are not finite", FIT_AGAIN)
    return tensors, header


def same_backbone(digest: str, norms: Sequence[float] | None, model: Network) -> bool:
    """Whether a model's frozen weights are those of a file, or the same random weights drawn on another kind of CPU.

    Args:
        digest: digest of the weights in the file.
        norms: norm of each tensor, as `Network.backbone_norms`; None if the file's weights are not random.
    """
    if digest == model.backbone_digest or model.backbone_norms is None or norms is None:
        return digest == model.backbone_digest
    log.debug("the backbone's random weights were drawn on another kind of CPU and differ in their last bits")
    return len(norms) == len(model.backbone_norms) and all(
        math.isclose(one, other, rel_tol=SAME) for one, other in zip(norms, model.backbone_norms, strict=True)
    )


def _digest(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> str:
    """Digest of names, types, shapes and values, and of the header, independent of the order of the names."""
    facts = sorted((key, value) for key, value in header.items() if key != "tensors")
    total = hashlib.blake2b(json.dumps(facts).encode(), digest_size=8)
    for name in sorted(tensors):
        value = tensors[name]
        total.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        total.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
