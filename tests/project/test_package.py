"""What is published: a wheel that says what it is, and a source distribution that tests itself."""

from __future__ import annotations

import email
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # it builds the package

ROOT = Path(__file__).parents[2]
#: What stands beside the code in a checkout without belonging to it.
NOT_PUBLISHED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")


def files_below(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A clean copy of the checkout, and the folder that its distributions were built in."""
    copy = tmp_path_factory.mktemp("package") / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_PUBLISHED)
    shutil.copytree(ROOT / ".ci", copy / ".ci")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", "."],
        cwd=copy,
        check=True,
        capture_output=True,
    )
    return copy


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("dist/*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def unpacked(built, tmp_path_factory):
    """The source distribution, unpacked."""
    (path,) = built.glob("dist/*.tar.gz")
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="module")
def metadata(wheel):
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return email.message_from_bytes(wheel.read(name))


def test_a_package_index_renders_it(built):
    """No fault is found by twine, warnings included."""
    distributions = sorted(map(str, built.glob("dist/*")))
    assert len(distributions) == 2
    checked = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *distributions],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_wheel_holds_the_package_and_no_tests(built, wheel):
    """Every module is in the wheel, with the mark of a typed package, and nothing else."""
    packaged = {name for name in wheel.namelist() if ".dist-info/" not in name}
    modules = {f"structlog_mozdef/{name}" for name in files_below(built / "structlog_mozdef")}
    assert packaged == modules
    assert "structlog_mozdef/py.typed" in packaged


def test_it_says_who_made_it_and_where(metadata):
    """An author, a licence, and addresses for code, issues, changes and security."""
    addresses = dict(value.split(", ", 1) for value in metadata.get_all("Project-URL"))
    assert {"Documentation", "Changelog", "Issues", "Source", "Security"} <= set(addresses)
    assert metadata["Author"]
    assert metadata["License"] == "MPL-2.0" or metadata["License-Expression"] == "MPL-2.0"


def test_links_of_the_readme_are_absolute(metadata):
    """Links and pictures work on a page that does not stand beside the files."""
    text = metadata.get_payload()
    targets = re.findall(r"^\.\. (?:_[^:]+|image|figure):+ (\S+)", text, re.MULTILINE)
    targets += re.findall(r"<([^<>\s]+)>`_", text)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_addresses_of_own_files_exist(metadata):
    """A link into the project's own files names one that is there."""
    pattern = r"structlog-mozdef/structlog-mozdef/(?:blob/main|tree/main|main)/([^\s>]+)"
    named = set(re.findall(pattern, str(metadata)))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_source_distribution_is_complete(built, unpacked):
    """All that a checkout holds is there."""
    ours = files_below(built)
    ours = {
        name for name in ours if not name.startswith(("dist/", "build/")) and ".egg-" not in name
    }
    assert ours - files_below(unpacked) == set()


@pytest.mark.timeout(400)
def test_the_source_distribution_runs_its_own_tests(unpacked):
    """Unpacked anywhere, it can run its tests: one folder of them stands for all."""
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/processors"],
        cwd=unpacked,
        env={**os.environ, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-2000:] + tested.stderr[-2000:]
    assert " passed" in tested.stdout
