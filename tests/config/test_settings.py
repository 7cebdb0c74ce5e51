"""Settings resolve preset < file < --set < flag; what does not exist or does not fit is refused by name."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Meta

from sla_cli.config.bounds import PICTURE, PIXELS
from sla_cli.config.checks import annotations_of, check_setting, read_values, settings_of, values_of
from sla_cli.config.presets import PRESETS
from sla_cli.config.settings import (
    Config,
    DecodeConfig,
    DivisionConfig,
    EmitConfig,
    PrepConfig,
    TrainConfig,
    TranscribeConfig,
    TuneConfig,
    from_dict,
    resolve,
    to_toml,
)
from sla_cli.config.toml_file import read_toml
from sla_cli.errors import FormatError, SlaError, visible

numbers = st.floats(0.1, 0.5)
whole = st.integers(1, 250)
plain = st.text(st.characters(codec="utf-8"), max_size=8)
STRATEGIES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: whole,
    float: numbers,
    str: plain,
    tuple[int, ...]: st.lists(whole, max_size=3).map(tuple),
    int | tuple[int, ...]: st.one_of(whole, st.tuples(whole, whole, whole)),
    dict[str, Any]: st.dictionaries(plain, st.one_of(whole, plain, st.booleans(), st.lists(whole)), max_size=3),
}


FORMS = {  # of texts with a form of their own
    "layers": st.from_regex(r"all|last:[0-9]{1,3}|[0-9]{1,3}( ?, ?[0-9]{1,3}){0,3}", fullmatch=True),
    "checkpointing": st.from_regex(r"auto|on|off|[0-9]{1,4}", fullmatch=True),
    "targets": st.lists(st.sampled_from(["q", "k", "v", "proj", "mlp"]), min_size=1).map(", ".join),
}


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """A preset with any settings changed to others of their type."""
    config = resolve(draw(st.sampled_from(sorted(PRESETS))))
    for section in fields(Config):
        part = getattr(config, section.name)
        for key, hint in get_type_hints(type(part)).items():
            if draw(st.booleans()):
                choice = st.sampled_from(get_args(hint)) if get_origin(hint) is Literal else STRATEGIES[hint]
                part = replace(part, **{key: draw(FORMS.get(key, choice))})
        config = replace(config, **{section.name: part})
    return config


@settings(deadline=None, max_examples=30)
@given(configs())
def test_any_configuration_comes_back_from_its_toml(config: Config) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.toml"
        path.write_text(to_toml(config), encoding="utf-8")
        assert resolve(file=path) == config
        assert from_dict(read_toml(path)) == config


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_come_back_and_are_frozen(tmp_path: Path, preset: str) -> None:
    config = resolve(preset)
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert resolve(file=path) == config
    assert all(is_dataclass(getattr(config, section.name)) for section in fields(config))
    with pytest.raises(AttributeError):
        config.train.epochs = 3  # type: ignore[misc]


def test_a_kernel_of_frames_is_written_as_a_number_or_a_list() -> None:
    for text, sizes in (("5", (5, 1, 1)), ("[5, 1, 1]", (5, 1, 1)), ("[1,3,5]", (1, 3, 5)), ("[3, 3, 3]", (3, 3, 3))):
        config = resolve(sets=[f"adapter.kernel={text}"])
        assert config.adapter.kernel_3d == sizes
        assert from_dict(asdict(config)) == config
    assert resolve(sets=["adapter.kernel=[5, 1, 1]"]) == resolve(sets=["adapter.kernel=5"])


def test_base_is_the_defaults_and_tiny_is_not() -> None:
    assert resolve() == resolve("base") == Config()
    assert resolve("tiny").model.weights == "random"


def test_isharah_is_trained_as_its_authors_train() -> None:
    base, config = resolve(), resolve("isharah")
    head, loss = replace(base.head, lstm_layers=3), replace(base.loss, distillation=10.0)
    assert config == replace(base, head=head, loss=loss)


def test_a_preset_says_something_of_its_own() -> None:
    assert len({str(preset.values) for preset in PRESETS.values()}) == len(PRESETS)


@pytest.mark.parametrize(
    ("in_file", "in_sets", "in_flags", "expected"),
    [
        (None, None, None, PRESETS["tiny"].values["train"]["epochs"]),
        (3, None, None, 3),
        (3, 4, None, 4),
        (3, 4, 5, 5),
        (None, 4, 5, 5),
        (3, None, 5, 5),
        (None, None, 5, 5),
    ],
)
def test_preset_file_set_flag(
    tmp_path: Path, in_file: int | None, in_sets: int | None, in_flags: int | None, expected: int
) -> None:
    file = tmp_path / "c.toml"
    file.write_text(f"[train]\nepochs = {in_file}\n" if in_file else "", encoding="utf-8")
    sets = [f"train.epochs={in_sets}"] if in_sets else []
    config = resolve("tiny", file, sets, {"train.epochs": in_flags, "model.variant": None})
    assert config == replace(resolve("tiny"), train=replace(resolve("tiny").train, epochs=expected))


def test_the_last_of_two_sets_wins_and_other_keys_of_a_section_stay() -> None:
    config = resolve("tiny", sets=["train.epochs=3", " train.lr = 1e-3 ", "train.epochs=4"])
    assert (config.train.epochs, config.train.lr) == (4, 1e-3)
    assert config.train.batch == resolve("tiny").train.batch
    with pytest.raises(SlaError, match=r"train\.lr is '0\.1"):  # nothing of two in one is dropped
        resolve(sets=["train.lr=0.1\ntrain.batch = 7"])


@pytest.mark.parametrize(
    ("text", "section", "key", "value"),
    [
        ("train.lr=1", "train", "lr", 1.0),
        ("train.milestones=[1, 2]", "train", "milestones", (1, 2)),
        ("train.milestones=[]", "train", "milestones", ()),
        ("model.layers=0,5,11", "model", "layers", "0,5,11"),
        ("model.layers=5", "model", "layers", "5"),
        ('model.layers="5"', "model", "layers", "5"),
        ("model.weights=/data/a=b #c.pt", "model", "weights", "/data/a=b #c.pt"),
        ("model.weights=2024", "model", "weights", "2024"),
        ("model.weights=true", "model", "weights", "true"),
        ("model.variant=lora", "model", "variant", "lora"),
        ("model.backbone_args={depth = 2}", "model", "backbone_args", {"depth": 2}),
    ],
)
def test_set_takes_toml_values_and_bare_text(text: str, section: str, key: str, value: Any) -> None:
    found = asdict(resolve(sets=[text]))[section][key]
    assert found == value
    assert type(found) is type(value)


SIZE = "a whole number from 1 to 1000"
KERNEL = f"It must be {SIZE}, or a list of 3 in brackets, each {SIZE}."
MILESTONES = "It must be a list in brackets, each a whole number from 0 to 1000000000."

TARGETS = "It must be some of q, k, v, proj, mlp with commas between."


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("train.epoch=3", "unknown key train.epoch", "'epochs'"),
        ("trian.epochs=3", "unknown section 'trian'", "'train'"),
        ("train.xyzzy=3", "unknown key train.xyzzy", "Known: epochs, batch"),
        ("model.backbone_args.depth=3", "unknown key model.backbone_args.depth", "'backbone_args'"),
        ("epochs=3", "expected section.key=value", "train.epochs=10"),
        ("train.epochs", "expected section.key=value", "train.epochs=10"),
        ("train.epochs=ten", "train.epochs is 'ten'", "a whole number"),
        ("train.epochs=10.0", "train.epochs is 10.0", "a whole number"),
        ("train.epochs=true", "train.epochs is True", "a whole number"),
        ("train.lr=true", "train.lr is True", "a number"),
        ("train.lr=nan", "train.lr is nan", "a number"),
        ("train.lr=", "train.lr is ''", "a number"),
        ("train.lr=\udcff", r"train.lr is '\udcff'", "a number"),
        ("train.milestones=\udcff", r"train.milestones is '\udcff'", MILESTONES),
        ("model.weights=\udcff", r"model.weights is '\udcff'", "text"),
        ('model.layers="all\\n"', "model.layers is 'all", "all, last:K"),
        ("model.variant=\udcff", r"model.variant is '\udcff'", "Known: adapter"),
        ("train.milestones=20", "train.milestones is 20", MILESTONES),
        ("train.milestones=20,30", "train.milestones is '20,30'", MILESTONES),
        ("train.milestones=[true]", "train.milestones is [True]", MILESTONES),
        ("model.backbone_args=3", "model.backbone_args is 3", "a table"),
        ("model.variant=lorra", "model.variant is 'lorra'", "'lora'"),
        ("train.precision=fp8", "train.precision is 'fp8'", "auto"),
        ("train.precision=true", "train.precision is True", "auto"),
        ("model.compile=never", "model.compile is 'never'", "Known: auto, on, off."),
        ("model.compile=true", "model.compile is True", "Known: auto, on, off."),
        ("train.batch=0", "train.batch is 0", "It must be a whole number from 1 to 1000000000."),
        ("train.crop=1.5", "train.crop is 1.5", "It must be a number from 0.1 to 1."),
        ("train.gamma=-1.0", "train.gamma is -1.0", "It must be a number from 0 to 1."),
        ("loss.temperature=0.0", "loss.temperature is 0.0", "It must be a number from 0.01 to 1000000000."),
        ("adapter.ratio=-1", "adapter.ratio is -1", "It must be a number from 0 to 1000."),
        ("adapter.kernel=0", "adapter.kernel is 0", KERNEL),
        ("adapter.kernel=three", "adapter.kernel is 'three'", KERNEL),
        ("adapter.kernel=[3, 3]", "adapter.kernel is [3, 3]", KERNEL),
        ("adapter.kernel=[3, 3, 2.5]", "adapter.kernel is [3, 3, 2.5]", KERNEL),
        ("adapter.kernel=[3, 3, 1001]", "adapter.kernel is [3, 3, 1001]", KERNEL),
        ("adapter.start=zero", "adapter.start is 'zero'", "Known: up, conv"),
        ("lora.alpha=-3", "lora.alpha is -3", "a whole number from 1 to"),
        ("train.workers=-7", "train.workers is -7", "a whole number from -1 to"),
        ("train.milestones=[20, -1]", "train.milestones is [20, -1]", MILESTONES),
        *(("lora.targets=" + text, f"lora.targets is '{text}'", TARGETS) for text in ("", "x", "q,w", "q,,v", "qv")),
        *(
            ("model.layers=" + text, f"model.layers is '{text}'", "It must be all, last:K, or numbers like 0,5,11.")
            for text in ("", "last", "last:", "last:-1", "first:2", "-1", "0,,1", "a", "9" * 99)
        ),
        ("train.epochs=0x" + "f" * 99, "train.epochs is a number of 396 bits", "a whole number"),
        ("loss.distillation=-1.0", "loss.distillation is -1.0", "a number from 0 to"),
    ],
)
def test_what_does_not_fit_is_named_with_a_hint(text: str, message: str, hint: str) -> None:
    with pytest.raises(SlaError) as caught:
        resolve(sets=[text])
    assert caught.value.message.startswith(f"--set {visible(text)}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[train]\nepochs = \n", "not TOML: Invalid value (at line 2"),
        (b"[train]\nname = '\xff'\n", ", line 2: not UTF-8 text"),
        (b"[train]\nepochs = 'three'\n", "train.epochs is 'three'"),
        (b"[train]\nepoch = 3\n", "unknown key train.epoch"),
        (b"epochs = 3\n", "unknown section 'epochs'"),
        (b"train = 3\n", "train is a section, not a value"),
        (b"\n" + b"a." * 40_000 + b"b = 1\n", "not TOML: more than 100 dots (at line 2), which no setting has"),
        (b"[train]\nepochs = " + b"9" * 5000, "not TOML: a number of thousands of digits, which no setting has"),
        (b"[train]\nepochs = " + b"[" * 3000, "not TOML: too deeply nested"),
        (b"# long\n" * 50_000, "not TOML: it is longer than the 256 KiB that settings may have"),
    ],
)
def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SlaError) as caught:
        resolve(file=path)
    assert caught.value.message.startswith(str(path))
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{" + "a." * 40_000 + "b = 1}", "which no setting has"),
        ("[" + "1.0, " * 100_000 + "]", "longer than"),
        ("[" * 3000, "too deeply nested$"),
    ],
)
def test_a_value_of_many_parts_takes_no_memory(text: str, message: str) -> None:
    with pytest.raises(SlaError, match=rf"^--set model\.backbone_args=.{{40}}…: .*{message}"):
        resolve(sets=[f"model.backbone_args={text}"])


def test_a_file_as_windows_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 3\r\n")
    assert resolve(file=path).train == TrainConfig(epochs=3)


def test_a_missing_file_and_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"cannot read .*none.*\nName another one, or put it there"):
        resolve(file=tmp_path / "none")
    with pytest.raises(SlaError, match="unknown preset 'tinny'") as caught:
        resolve("tinny")
    assert "'tiny'" in caught.value.hint


def test_flags_are_named_as_typed() -> None:
    with pytest.raises(SlaError, match=r"^--precision: train\.precision is 'fp8'"):
        resolve(flags={"train.precision": "fp8"})
    with pytest.raises(SlaError, match=r"^--image-size: model\.image_size is 0"):
        resolve(flags={"model.image_size": 0})


OPTIONS = (PrepConfig, DivisionConfig, DecodeConfig, EmitConfig, TranscribeConfig, TuneConfig)
EVERY_SETTING = settings_of(Config) | {
    f"{kind.__name__}.{key}": hint for kind in OPTIONS for key, hint in annotations_of(kind).items()
}


def bounded_numbers() -> Iterator[tuple[str, Any, Any, float, float]]:
    """Name, annotation, type and bounds of each setting that is a number or a list of numbers."""
    for name, hint in EVERY_SETTING.items():
        number = get_args(hint)[0] if get_origin(hint) is tuple else hint
        kind, *marks = get_args(number) if get_origin(number) is Annotated else (number,)
        if kind in (int, float):
            [meta] = marks
            assert meta.ge is not None and meta.le is not None, f"{name} is not bounded on both sides"
            yield name, hint, kind, meta.ge, meta.le


def test_each_number_takes_its_bounds_and_nothing_beyond() -> None:
    numbers = list(bounded_numbers())
    assert len(numbers) > 50
    for name, hint, kind, least, most in numbers:
        listed = get_origin(hint) is tuple
        for edge in map(kind, (least, most)):
            assert check_setting(name, [edge] if listed else edge, hint, "x") == ((edge,) if listed else edge)
        step = 1 if kind is int else 1e-3
        for beyond in (kind(least) - step, kind(most) + step, kind(10**20), kind(-(10**20)), math.nan, math.inf):
            with pytest.raises(SlaError, match=rf"^--set: {name} is ") as caught:
                check_setting(name, [beyond] if listed else beyond, hint, "--set")
            assert f" number from {least:.10g} to " in caught.value.hint


@pytest.mark.parametrize("given", ["", "abc", "1", "9" * 12])
def test_a_picture_of_the_largest_side_is_decoded_again_and_none_of_more_pixels(given: str) -> None:
    """OpenCV writes pictures of any size, but reads none of more pixels than it was told when sla was imported."""
    code = "import sla_cli, os; print(os.environ['OPENCV_IO_MAX_IMAGE_PIXELS'])"
    environment = {**os.environ, "OPENCV_IO_MAX_IMAGE_PIXELS": given}
    told = int(subprocess.check_output([sys.executable, "-c", code], env=environment))
    assert told >= PIXELS**2 and told == PICTURE


def test_every_default_suits_its_own_setting() -> None:
    defaults = values_of(Config()) | {
        f"{kind.__name__}.{key}": value for kind in OPTIONS for key, value in asdict(kind()).items()
    }
    for name, hint in EVERY_SETTING.items():
        assert check_setting(name, defaults[name], hint, "default") == defaults[name]


def test_options_are_named_as_typed_where_they_do_not_suit() -> None:
    with pytest.raises(SlaError, match=r"^--shard-clips: shard_clips is -1") as caught:
        PrepConfig.checked(size=64, shard_clips=-1)
    assert caught.value.hint == "It must be a whole number from 0 to 1000000000."
    assert EmitConfig.checked(precision="bf16", max_frames=3) == EmitConfig("bf16", max_frames=3)


def test_the_run_of_an_earlier_version_has_the_defaults_of_later_settings() -> None:
    values = asdict(resolve("tiny", sets=["lora.alpha=3"]))
    assert from_dict(values) == resolve("tiny", sets=["lora.alpha=3"])
    del values["lora"]["rank"], values["adapter"]
    assert from_dict(values) == resolve("tiny", sets=["lora.alpha=3"])
    with pytest.raises(SlaError, match=r"unknown key lora\.rnak"):
        from_dict({"lora": {"rnak": 1}})


@given(st.dictionaries(plain, st.one_of(whole, plain, st.dictionaries(plain, whole, max_size=2)), max_size=3))
def test_no_file_content_is_worse_than_an_error_that_a_user_can_correct(content: dict[str, Any]) -> None:
    try:
        assert from_dict(content) == Config()
    except SlaError:
        assert content


@dataclass(frozen=True)
class Lens:
    zoom: Annotated[float, Meta(ge=1)]
    coating: Literal["none", "hard"] = "none"


@dataclass(frozen=True)
class Camera:
    lens: Lens
    names: Mapping[str, str]
    marks: tuple[int, ...] = ()


def test_values_of_a_file_become_an_object_of_its_types() -> None:
    values = {"lens": {"zoom": 2}, "names": {"en": "pinhole"}, "marks": [1, 2]}
    camera = read_values(Camera, values, "camera.json")
    assert camera == Camera(Lens(2.0), {"en": "pinhole"}, (1, 2))
    assert type(camera.lens.zoom) is float
    assert vars(read_values(Camera, {"lens": {"zoom": 2}, "names": {}}, "camera.json"))["marks"] == ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lens": {"zoom": 2}, "names": {}, "mark": []}, "camera.json: 'mark' is not known"),
        ({"lens": {"zoom": 2, "zom": 3}, "names": {}}, "camera.json: 'lens.zom' is not known"),
        ({"lens": {"zoom": 2}}, "camera.json: Object missing required field `names`"),
        ({"lens": {}, "names": {}}, "camera.json: lens: Object missing required field `zoom`"),
        ({"lens": {"zoom": 0.5}, "names": {}}, "camera.json: lens.zoom: Expected `float` >= 1.0"),
        ({"lens": {"zoom": math.nan}, "names": {}}, "camera.json: lens.zoom: Expected `float` >= 1.0"),
        ({"lens": {"zoom": math.inf}, "names": {}}, "camera.json: lens.zoom: a number that is not finite"),
        ({"lens": {"zoom": 2, "coating": "x"}, "names": {}}, "camera.json: lens.coating: Invalid enum value 'x'"),
        ({"lens": {"zoom": 2}, "names": {"en": 3}}, "camera.json: names[...]: Expected `str`, got `int`"),
        ({"lens": {"zoom": 2}, "names": {}, "marks": [1, True]}, "camera.json: marks[1]: Expected `int`, got `bool`"),
    ],
)
def test_values_of_a_file_that_do_not_fit_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        read_values(Camera, values, "camera.json")
    assert caught.value.message == message
    assert caught.value.hint == ("Did you mean 'marks'?" if "mark" in values else "")


@pytest.mark.parametrize("value", ["0x{}", "[0x{}]", "{{depth = 0x{}}}"])
def test_a_number_that_python_does_not_print_is_no_setting(value: str) -> None:
    with pytest.raises(SlaError, match="a number of 20000 bits, which no setting has"):
        resolve(sets=[f"train.epochs={value.format('f' * 5000)}"])
