"""The rooms of the package know only those below them, and importing it loads nothing heavy."""

import ast
import pathlib
import subprocess
import sys

import pytest

import structlog_mozdef

ROOT = pathlib.Path(structlog_mozdef.__file__).parent
# Lowest first; see docs/architecture.rst. A room is a folder, or a module at the top. Rooms in one
# layer do not know each other.
LAYERS = [
    {"_deadline", "_raised", "_version", "exceptions"},
    {"_flock", "_fsync", "_lock", "_terminal", "_validate", "files"},
    {"process"},
    {"_log"},
    {"rendering"},
    {"processors", "buffers", "transports"},
    {"delivery"},
    {"sink"},
    {"options"},
    {"bound_logger", "logger", "handler", "tee"},
    {"configuration", "compat"},
    {"collector"},
    {"audit"},
    {"cli", "metrics", "testing"},
    {"__main__", "pytest_plugin"},
]
LAYER_OF = {room: number for number, rooms in enumerate(LAYERS) for room in rooms}
MODULES = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.py"))


def room_of(path):
    return path.parts[0].removesuffix(".py")


def imported(path):
    """The rooms that a file imports from, whenever it does; "__init__" for the public names."""
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
                yield name if name and known else "__init__"


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_import_points_down(path):
    """No module imports from a room above its own, or from another in the same layer."""
    room = room_of(path)
    if room == "__init__":
        return  # the table of public names: it knows where each stands
    allowed = {other for other, layer in LAYER_OF.items() if layer < LAYER_OF[room]} | {room}
    if LAYER_OF[room] > LAYER_OF["configuration"]:
        allowed.add("__init__")  # what stands on top uses public names, as a user does
    assert set(imported(path)) - allowed == set()


def test_no_folder_is_a_drawer():
    """No folder holds more files than a reader can keep in mind."""
    count = {}
    for path in MODULES:
        count[path.parent] = count.get(path.parent, 0) + 1
    assert {str(folder): files for folder, files in count.items() if files > 17} == {}


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=str)
def test_each_room_says_what_it_is(path):
    """The docstring of a folder says what comes before and after it, or what it is for."""
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text()))
    assert docstring
    assert len(docstring.splitlines()) > 1


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
