"""The documentation site. `just docs` builds it from the Markdown of this folder; a warning is an error."""

import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))
from reference import commands_page

import sla_cli

project = "sla"
author = "the authors of sla"
copyright = f"{author}, Apache-2.0"
version = release = sla_cli.__version__

extensions = ["myst_parser"]
myst_heading_anchors = 4  # links to headings are checked
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"sla {version}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]

UNCOLOURED = ("tsv", "csv", "vtt", "srt", "ctm", "praat")  # languages of code blocks that Pygments does not read


def setup(app: Sphinx) -> None:
    for name in UNCOLOURED:
        app.add_lexer(name, TextLexer)
    page, text = Path(app.srcdir, "commands.md"), commands_page()
    if not page.is_file() or page.read_text(encoding="utf-8") != text:  # otherwise it is read again in every build
        page.write_text(text, encoding="utf-8")
