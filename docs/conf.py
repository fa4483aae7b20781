"""Settings of the documentation site: ``make docs`` builds it."""

from typing import Any

import structlog_mozdef

project = "structlog-mozdef"
author = "The structlog-mozdef maintainers"
copyright = f"2026, {author}"  # noqa: A001 - Sphinx's name
version = release = structlog_mozdef.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
html_theme = "furo"
html_title = "structlog-mozdef"
html_static_path = ["_static"]
html_css_files = ["plots.css"]
html_theme_options = {
    "source_repository": "https://github.com/structlog-mozdef/structlog-mozdef",
    "source_branch": "main",
    "source_directory": "docs/",
}

# Prompts, and what a command writes, are not copied.
copybutton_prompt_text = "$ "

# Text in single backticks is code, and a link where it names something of the reference.
default_role = "py:obj"
nitpicky = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
# A default is shown as it is written, not as a repr with an address in it.
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 90
napoleon_google_docstring = True
napoleon_numpy_docstring = False


def _include_here(_app: object, _path: object, _name: str, source: list[str]) -> None:
    """Let pages of ``benchmarks/`` that are included find their plots and each other."""
    source[0] = (
        source[0]
        .replace(".. image:: plots/", ".. image:: ../benchmarks/plots/")
        .replace("`RESULTS.rst`_", ":doc:`RESULTS.rst <benchmark_results>`")
        .replace("`README.rst`_", ":doc:`README.rst <benchmarks>`")
    )


def setup(app: Any) -> None:
    """Register what is needed to build the site."""
    app.connect("include-read", _include_here)
