"""The site as Sphinx is told of it. `docs/build_site.py` lays out what is built."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

from genocc.version import __version__

project = "genocc"
author = "The genocc authors"
copyright = f"2026, {author}"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4  # links to headings, spelled as GitHub spells them
suppress_warnings = ["misc.highlighting_failure"]  # an excerpt of a program need not parse
nb_execution_mode = "off"  # notebooks are kept as they ran
highlight_language = "console"  # of what names no language
smartquotes = False  # they would make dashes of options

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"genocc {__version__}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_math_renderer = "mathml"
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True


def setup(app: Sphinx) -> None:
    """Formulas become MathML, which browsers draw themselves: the usual scripts for them are fetched from elsewhere."""
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    app.connect("autodoc-process-docstring", _without_type, priority=400)  # before napoleon, which has 500


def _inline(visitor: Any, node: nodes.math) -> None:
    visitor.body.append(convert(node.astext()))
    raise nodes.SkipNode


def _display(visitor: Any, node: nodes.math_block) -> None:
    visitor.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode


def _without_type(_app: Sphinx, what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    """Keeps napoleon from taking what stands before a colon for the type of an attribute."""
    if what in {"attribute", "property"}:
        lines.insert(0, "")
