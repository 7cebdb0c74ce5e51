"""The examples of docs/python.md run as they stand, one after the other; its reference has all public names, whose
docstrings say what each attribute is."""

from __future__ import annotations

import inspect
import pydoc
import re
from pathlib import Path

import pympi
import pytest
from movies import movie
from recordings import copy_run, images_of

import sla_cli
from sla_cli.artifact.receipt import Receipt, write_receipt

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
RESPONSIBLE = PAGE.with_name("responsible-use.md")
DESCRIBED = re.findall(r"^\.\. auto\w+:: (\S+)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    copy_run(tmp_path)
    (tmp_path / "old").rename(tmp_path / "sla-work")
    run = tmp_path / "sla-work" / "runs"
    (run / "adapter").rename(run / "adapter-1")
    (tmp_path / "sla-work" / "gloss.arpa").rename(tmp_path / "gloss.arpa")
    movie(tmp_path / "video.mp4", images_of("NORD REGEN"), "-crf", "0", "-pix_fmt", "yuv444p")
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "broken.mp4").touch()
    write_receipt(Receipt("prep", {}, {}), tmp_path / "sla-work" / "stores" / "phoenix2014")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for example in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        exec(compile(example, str(PAGE), "exec"), names)
    tiers = pympi.Elan.Eaf("signs.eaf")
    assert set(tiers.get_tier_names()) == {"Glossen", "Glossen-confidence", "SENTENCE"}
    assert [value for *_, value in tiers.get_annotation_data_for_tier("Glossen")] == ["NORD", "REGEN"]
    assert {"video.eaf", "signs.srt", "page.html"} <= {path.name for path in tmp_path.iterdir()}
    assert_nobody_is_in_a_shared_file(tmp_path)
    printed = capsys.readouterr().out
    assert "NORD" in printed and "broken.mp4 is empty" in printed and f"{100 / 3}"[:6] in printed


def assert_nobody_is_in_a_shared_file(folder: Path) -> None:
    """What the page on responsible use does to `signs.eaf`, to which decisions of a person are added."""
    shared = folder / "to-share" / "monday"
    shared.mkdir(parents=True)
    file = pympi.Elan.Eaf(str(folder / "signs.eaf"), author="Mia")
    file.add_tier("Glossen-decision", ann="Mia")
    file.add_annotation("Glossen-decision", 0, 100, "accepted Mia 2026-11-29T10:22:31+00:00")
    file.add_property("sla:done", "done Mia 2026-11-29T10:22:31+00:00")
    file.add_linked_file(r"C:\Users\Mia\b.mp4", mimetype="video/mp4")
    file.to_file(str(shared / "signs.eaf"))
    before = (shared / "signs.eaf").read_text(encoding="utf-8")
    before = before.replace('MEDIA_FILE=""', 'MEDIA_FILE="/home/Mia/b.mp4"').replace(
        "</ANNOTATION_DOCUMENT>",
        '<LEXICON_REF LEX_REF_ID="l" NAME="l" TYPE="t" URL="C:\\Mia\\signs.lex" LEXICON_ID="1" LEXICON_NAME="s"/>'
        '<EXTERNAL_REF EXT_REF_ID="e" TYPE="ecv" VALUE="file:/home/Mia/signs.ecv"/>'
        '<EXTERNAL_REF EXT_REF_ID="f" TYPE="ecv" VALUE="https://example.org/all.ecv"/></ANNOTATION_DOCUMENT>',
    )
    (shared / "signs.eaf").write_text(before, encoding="utf-8")
    (shared / "old.EAF").write_text(before, encoding="utf-8")
    assert all(text in before for text in ("Mia", str(folder), "sla:run"))
    (recipe,) = re.findall(r"^```python\n(.*?)^```", RESPONSIBLE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    exec(compile(recipe, str(RESPONSIBLE), "exec"), {})
    after = (shared / "signs.eaf").read_text(encoding="utf-8")
    assert (shared / "old.EAF").read_text(encoding="utf-8") == after
    assert not [text for text in ("Mia", str(folder), "sla:") if text in after]
    assert all(f'"{text}"' in after for text in ("signs.lex", "signs.ecv", "https://example.org/all.ecv"))
    cleaned = pympi.Elan.Eaf(str(shared / "signs.eaf"))
    assert {one["MEDIA_URL"] for one in cleaned.media_descriptors} == {"video.mp4", "b.mp4"}
    assert [value for *_, value in cleaned.get_annotation_data_for_tier("Glossen")] == ["NORD", "REGEN"]


def test_the_reference_has_every_public_name() -> None:
    assert {f"sla_cli.{name}" for name in sla_cli.__all__} - set(DESCRIBED) == {"sla_cli.__version__"}


@pytest.mark.parametrize("name", DESCRIBED)
def test_a_docstring_describes_each_attribute_by_itself(name: str) -> None:
    """Sphinx reads `low, high: its ends` as one attribute."""
    found = pydoc.locate(name)
    section = inspect.cleandoc(found.__doc__ or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    described = re.findall(r"^ {4}(\S.*?): ", section, re.MULTILINE)
    own = {attribute for attribute in vars(found).get("__annotations__", {}) if not attribute.startswith("_")}
    if isinstance(found, type):
        assert own <= set(described)
    assert all(attribute.isidentifier() for attribute in described)
