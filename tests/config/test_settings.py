"""Settings resolve preset < file < --set < flag; what does not exist or does not fit is refused by name."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import pytest
from annotated_types import Ge
from hypothesis import given, settings
from hypothesis import strategies as st

from sla_cli.config.checks import AddedIn, annotations_of, check_setting, fill_older, parts_of, settings_of
from sla_cli.config.presets import PRESETS
from sla_cli.config.settings import (
    Config,
    DecodeConfig,
    DivisionConfig,
    EmitConfig,
    PrepConfig,
    SourceConfig,
    TrainConfig,
    TranscribeConfig,
    TuneConfig,
    config_of_run,
    from_dict,
    read_toml,
    resolve,
    to_toml,
)
from sla_cli.errors import SlaError
from sla_cli.work.run import VERSION

RUNS = Path(__file__).parents[1] / "artifacts" / "b94205a" / "work" / "runs"

numbers = st.floats(0.1, 0.5)
whole = st.integers(1, 500)
plain = st.text(st.characters(codec="utf-8"), max_size=8)
STRATEGIES: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    int: whole,
    float: numbers,
    str: plain,
    tuple[int, ...]: st.lists(whole, max_size=3).map(tuple),
    int | tuple[int, int, int]: st.one_of(whole, st.tuples(whole, whole, whole)),
    dict[str, Any]: st.dictionaries(plain, st.one_of(whole, plain, st.booleans(), st.lists(whole)), max_size=3),
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
                part = replace(part, **{key: draw(choice)})
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
        assert config_of_run(asdict(config), VERSION) == config
    assert resolve(sets=["adapter.kernel=[5, 1, 1]"]) == resolve(sets=["adapter.kernel=5"])


@pytest.mark.parametrize(("earlier", "now"), [("true", "on"), ("false", "off"), ("auto", "auto"), ("on", "on")])
def test_compile_takes_true_and_false_as_earlier_versions_did(tmp_path: Path, earlier: str, now: str) -> None:
    assert resolve(sets=[f"model.compile={earlier}"]).model.compile == now
    path = tmp_path / "config.toml"
    path.write_text(to_toml(resolve("tiny")).replace('compile = "off"', f"compile = {earlier}"), encoding="utf-8")
    if now != earlier:
        assert resolve(file=path).model.compile == config_of_run(read_toml(path), VERSION).model.compile == now


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


KERNEL = "It must be a whole number, or a list of 3 whole numbers, as in [3, 3, 3]."


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
        ("train.milestones=20", "train.milestones is 20", "a list of whole numbers"),
        ("train.milestones=20,30", "train.milestones is '20,30'", "[20, 30]"),
        ("train.milestones=[true]", "train.milestones is [True]", "a list of whole numbers"),
        ("model.backbone_args=3", "model.backbone_args is 3", "a table"),
        ("model.variant=lorra", "model.variant is 'lorra'", "'lora'"),
        ("train.precision=fp8", "train.precision is 'fp8'", "auto"),
        ("train.precision=true", "train.precision is True", "auto"),
        ("model.compile=never", "model.compile is 'never'", "Known: auto, on, off."),
        ("model.compile=1", "model.compile is 1", "Known: auto, on, off."),
        ("train.batch=0", "train.batch is 0", "It must lie between 1 and"),
        ("train.crop=1.5", "train.crop is 1.5", "between"),
        ("train.gamma=-1.0", "train.gamma is -1.0", "It must lie between 0 and 1."),
        ("loss.temperature=0.0", "loss.temperature is 0.0", "It must lie between 0.01 and"),
        ("adapter.ratio=-1", "adapter.ratio is -1", "It must lie between 0 and"),
        ("adapter.kernel=0", "adapter.kernel is 0", "It must lie between 1 and 1000."),
        ("adapter.kernel=three", "adapter.kernel is 'three'", KERNEL),
        ("adapter.kernel=[3, 3]", "adapter.kernel is [3, 3]", KERNEL),
        ("adapter.kernel=[3, 3, 2.5]", "adapter.kernel is [3, 3, 2.5]", "a list of 3 whole numbers"),
        ("adapter.kernel=[3, 3, 1001]", "adapter.kernel is [3, 3, 1001]", "Each must lie between 1 and 1000."),
        ("adapter.start=zero", "adapter.start is 'zero'", "Known: up, conv"),
        ("lora.alpha=-3", "lora.alpha is -3", "It must lie between 1 and"),
        ("train.workers=-7", "train.workers is -7", "It must lie between -1 and"),
        ("train.milestones=[20, -1]", "train.milestones is [20, -1]", "Each must lie between 0 and"),
        ("loss.distillation=-1.0", "loss.distillation is -1.0", "It must lie between 0 and"),
    ],
)
def test_what_does_not_fit_is_named_with_a_hint(text: str, message: str, hint: str) -> None:
    with pytest.raises(SlaError) as caught:
        resolve(sets=[text])
    assert caught.value.message.startswith(f"--set {text}: ")
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[train]\nepochs = \n", "not TOML: Invalid value (at line 2"),
        (b"[train]\nname = '\xff'\n", "not TOML"),
        (b"[train]\nepochs = 'three'\n", "train.epochs is 'three'"),
        (b"[train]\nepoch = 3\n", "unknown key train.epoch"),
        (b"epochs = 3\n", "unknown section 'epochs'"),
        (b"train = 3\n", "train is a section, not a value"),
    ],
)
def test_a_file_is_named_in_what_is_wrong_with_it(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SlaError) as caught:
        resolve(file=path)
    assert caught.value.message.startswith(f"{path}: ")
    assert message in caught.value.message


def test_a_file_as_windows_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xef\xbb\xbf[train]\r\nepochs = 3\r\n")
    assert resolve(file=path).train == TrainConfig(epochs=3)


def test_a_missing_file_and_an_unknown_preset(tmp_path: Path) -> None:
    with pytest.raises(SlaError, match=r"cannot read .*none"):
        resolve(file=tmp_path / "none")
    with pytest.raises(SlaError, match="unknown preset 'tinny'") as caught:
        resolve("tinny")
    assert "'tiny'" in caught.value.hint


def test_flags_are_named_as_typed() -> None:
    with pytest.raises(SlaError, match=r"^--precision: train\.precision is 'fp8'"):
        resolve(flags={"train.precision": "fp8"})


SECTIONS = {
    **get_type_hints(Config),
    "prep": PrepConfig,
    "decode": DecodeConfig,
    "emit": EmitConfig,
    "tune": TuneConfig,
}
ANNOTATIONS = {f"{name}.{key}": hint for name, kind in SECTIONS.items() for key, hint in annotations_of(kind).items()}


def number_and_bounds(hint: Any) -> tuple[type | None, dict[str, float]]:
    """int or float and its bounds, of a number or of a list of them; None for what is not a number."""
    if get_origin(hint) is tuple:
        hint = get_args(hint)[0]
    kind, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    bounds = [mark for mark in marks if not isinstance(mark, AddedIn)]
    ends = dict([("ge", mark.ge) if isinstance(mark, Ge) else ("le", mark.le) for mark in bounds])
    return (kind if kind in (int, float) else None), ends


@pytest.mark.parametrize("name", [name for name, hint in ANNOTATIONS.items() if number_and_bounds(hint)[0]])
def test_each_number_has_bounds_whose_edge_is_taken_and_what_lies_beyond_is_not(name: str) -> None:
    hint = ANNOTATIONS[name]
    kind, bounds = number_and_bounds(hint)
    assert kind is not None and "ge" in bounds
    is_list = get_origin(hint) is tuple
    for end, sign in (("ge", -1), ("le", 1)):
        if end not in bounds:
            continue
        edge = kind(bounds[end])
        beyond = edge + sign if kind is int else edge + sign * 1e-3
        held = check_setting(name, [edge] if is_list else edge, hint, "x")
        assert held == ((edge,) if is_list else edge)
        with pytest.raises(SlaError) as caught:
            check_setting(name, [beyond] if is_list else beyond, hint, "x")
        assert str(bounds[end]) in caught.value.hint and "inf" not in caught.value.hint


def test_every_default_suits_its_own_setting() -> None:
    for name, kind in SECTIONS.items():
        for key, value in asdict(kind()).items():
            assert check_setting(key, value, ANNOTATIONS[f"{name}.{key}"], "default") == value


def test_options_are_named_as_typed_where_they_do_not_suit() -> None:
    with pytest.raises(SlaError, match=r"^--shard-clips: shard_clips is -1") as caught:
        PrepConfig.checked(size=64, shard_clips=-1)
    assert caught.value.hint == "It must lie between 0 and 1000000000."
    assert EmitConfig.checked(precision="bf16", max_frames=3) == EmitConfig("bf16", max_frames=3)


@dataclass(frozen=True)
class Optics:
    zoom: Annotated[float, Ge(0)] = 1.0
    blur: Annotated[float, Ge(0), AddedIn(2, before=0.0)] = 0.5
    tilt: Annotated[tuple[float, ...], AddedIn(3, before=())] = (1.0,)


@dataclass(frozen=True)
class Camera:
    optics: Optics = Optics()


def test_an_older_file_gets_what_was_in_force_then_for_what_was_added_since() -> None:
    settings_then = settings_of(Camera)
    assert fill_older({"optics": {"zoom": 2.0}}, 1, settings_then) == {"optics": {"zoom": 2.0, "blur": 0.0, "tilt": ()}}
    newer = {"optics": {"zoom": 2.0, "blur": 0.7}}
    assert fill_older(newer, 2, settings_then) == {"optics": {"zoom": 2.0, "blur": 0.7, "tilt": ()}}
    assert "tilt" not in newer["optics"]


def test_an_older_file_that_lacks_what_its_version_had_was_cut() -> None:
    with pytest.raises(SlaError, match=r"without optics\.zoom$"):
        fill_older({}, 1, settings_of(Camera))
    with pytest.raises(SlaError, match=r"without optics\.blur, optics\.tilt$"):
        fill_older({"optics": {"zoom": 1.0}}, 3, settings_of(Camera))


def test_a_run_of_version_1_has_all_settings_of_today_and_no_others() -> None:
    values = asdict(resolve("tiny"))
    assert config_of_run(values, 1) == resolve("tiny")
    del values["lora"]["rank"]
    with pytest.raises(SlaError, match=r"damaged or incomplete, without lora\.rank"):
        config_of_run(values, 1)
    with pytest.raises(SlaError, match=r"unknown key lora\.rnak"):
        config_of_run({"lora": {"rnak": 1}}, 1)


@pytest.mark.parametrize("run", sorted(RUNS.iterdir()), ids=lambda path: path.name)
def test_settings_of_runs_made_by_an_earlier_sla(run: Path) -> None:
    config = config_of_run(read_toml(run / "config.toml"), 1)
    assert (config.model.variant, config.model.compile) == (run.name, "off")
    assert (config.train.half, config.train.lengthen, config.head.frame_norm) == ("fp16", "random", "none")
    assert (config.adapter.layer_norm, config.adapter.start, config.adapter.kernel_3d) == (False, "up", (3, 1, 1))


def test_a_run_of_version_3_has_the_adapter_of_its_time() -> None:
    values = asdict(resolve("tiny"))
    del values["adapter"]["layer_norm"], values["adapter"]["start"]
    assert config_of_run(values, 3) == resolve("tiny")
    with pytest.raises(SlaError, match=r"without adapter\.layer_norm, adapter\.start$"):
        config_of_run(values, 4)


def test_a_run_of_version_4_averages_no_epochs() -> None:
    values = asdict(resolve("tiny"))
    del values["train"]["average"]
    assert config_of_run(values, 4) == resolve("tiny")
    with pytest.raises(SlaError, match=r"without train\.average$"):
        config_of_run(values, 5)


@given(st.dictionaries(plain, st.one_of(whole, plain, st.dictionaries(plain, whole, max_size=2)), max_size=3))
def test_no_file_content_is_worse_than_an_error_that_a_user_can_correct(content: dict[str, Any]) -> None:
    try:
        assert from_dict(content) == Config()
    except SlaError:
        assert content


OPTIONS = (PrepConfig, SourceConfig, DivisionConfig, DecodeConfig, EmitConfig, TranscribeConfig, TuneConfig)
EVERY_SETTING = settings_of(Config) | {
    f"{kind.__name__}.{key}": hint for kind in OPTIONS for key, hint in annotations_of(kind).items()
}


@pytest.mark.parametrize("name", EVERY_SETTING)
def test_every_number_is_bounded_on_both_sides(name: str) -> None:
    kind, marks = parts_of(EVERY_SETTING[name])
    listed = get_origin(kind) is tuple
    if listed:
        kind, marks = parts_of(get_args(kind)[0])
    if kind not in (int, float):
        return
    least, most = (next(getattr(one, key) for one in marks if hasattr(one, key)) for key in ("ge", "le"))
    for bad in (kind(10**20), kind(-(10**20)), most * 2 + 1):
        with pytest.raises(SlaError, match=rf"must lie between {least} and {most}".replace("+", r"\+")):
            check_setting(name, [bad] if listed else bad, EVERY_SETTING[name], "--set")
    assert check_setting(name, [most] if listed else most, EVERY_SETTING[name], "--set") in (most, (most,))
