"""The documentation site. `just docs` builds it from the Markdown files of this folder; warnings are errors."""

import sys
from pathlib import Path
from typing import Any

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from reference import commands_page

import sla_cli
from sla_cli.errors import TORCH

project = "sla"
author = "the authors of sla"
copyright = f"{author}, Apache-2.0"
version = release = sla_cli.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_heading_anchors = 4  # links to headings are checked
exclude_patterns = ["_build"]

# The Python reference, in python.md.
autodoc_mock_imports = list(TORCH)  # the site builds without torch, and faster
autodoc_member_order = "bysource"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80  # characters; a longer one has a line for each argument
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are a list
default_role = "code"  # `this` in a docstring
smartquotes_action = "De"  # dashes and dots; "" is an empty text

html_theme = "furo"
html_title = f"sla {version}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

MADE = ("sla_cli.Layout", "sla_cli.Store")  # classes whose objects users create; others only come as results
UNCOLOURED = ("tsv", "csv", "vtt", "srt", "ctm", "praat")  # languages of code blocks that Pygments does not know


def without_signature(app: Sphinx, what: str, name: str, *_: Any) -> tuple[str, None] | None:
    return ("", None) if what in ("class", "exception") and name not in MADE else None


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-signature", without_signature)
    for name in UNCOLOURED:
        app.add_lexer(name, TextLexer)
    page, text = Path(app.srcdir, "commands.md"), commands_page()
    if not page.is_file() or page.read_text(encoding="utf-8") != text:  # otherwise Sphinx reads it in every build
        page.write_text(text, encoding="utf-8")
