"""The layers of the package know only those below them, and importing it loads nothing heavy."""

import ast
import pathlib
import subprocess
import sys

import pytest

import structlog_mozdef

ROOT = pathlib.Path(structlog_mozdef.__file__).parent
# Lowest first. A module stands in the layer of the first name that fits; a module may import from
# its own layer and from those below. What is not named belongs to the lowest layer that it can.
LAYERS = [
    {"exceptions", "event", "details", "encoding", "repair", "values", "limits", "text", "options"}
    | {"timestamps", "tracebacks", "identity", "retry", "fork", "records", "urls", "_version"},
    {"processors", "redaction", "buffers", "transports"},
    {"renderer", "sink"},
    {"logger", "handler", "chain", "compat"},
    {"__init__"},
    {"testing", "collector", "cli", "commands", "metrics", "__main__"},
]
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def layer_of(name):
    return next((number for number, names in enumerate(LAYERS) if name in names), None)


def top_of(path):
    return path.parts[0].removesuffix(".py")


def imported(path):
    """The names under ``structlog_mozdef`` that a file imports, whenever it does."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            modules = [node.module]
            if node.module == "structlog_mozdef":
                modules = [f"structlog_mozdef.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "structlog_mozdef":
                name = rest.partition(".")[0]
                known = (ROOT / name).is_dir() or (ROOT / f"{name}.py").exists()
                yield name if known else "__init__"


def unlayered_reach(name, seen=()):
    """The highest layer that a module outside of the layers imports from, itself or by others."""
    if name in seen:
        return 0
    paths = [path for path in MODULES if top_of(path) == name]
    reached = {other for path in paths for other in imported(path)} - {name}
    layers = [
        unlayered_reach(other, (*seen, name)) if layer_of(other) is None else layer_of(other)
        for other in reached
    ]
    return max(layers, default=0)


@pytest.mark.parametrize("path", [p for p in MODULES if layer_of(top_of(p)) is not None], ids=str)
def test_import_points_down(path):
    """No module imports from a layer above its own."""
    own = layer_of(top_of(path))
    upward = {
        name
        for name in imported(path)
        if (unlayered_reach(name) if layer_of(name) is None else layer_of(name)) > own
        # Where HTTPTransport is loaded on demand, and the version is read.
        and not (name == "__init__" and path.name == "__init__.py")
    }
    assert upward == set()


def loaded_by(statement):
    program = f"import sys\n{statement}\nprint(*sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return set(output.split())


HEAVY = ["requests", "urllib3", "numpy", "sqlite3", "starlette", "uvicorn", "pytz"]
HEAVY += ["opentelemetry", "attr", "gevent", "cryptography", "prometheus_client", "amqp", "boto3"]


@pytest.fixture(scope="module")
def loaded():
    return loaded_by("import structlog_mozdef")


@pytest.mark.parametrize("module", HEAVY)
def test_import_loads_nothing_heavy(module, loaded):
    """Importing the package loads no module that only some programs need."""
    assert module not in loaded - loaded_by("import structlog, orjson")


def test_public_names_exist():
    """Every name that the package promises is there."""
    missing = [name for name in structlog_mozdef.__all__ if not hasattr(structlog_mozdef, name)]
    assert missing == []


def test_unknown_name_is_an_attribute_error():
    """A name that the package does not have is no attribute."""
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        structlog_mozdef.Nothing  # noqa: B018
