"""The fixture ``mozdef_events`` of pytest, which loads this module when it starts.

It stands outside of `structlog_mozdef.testing`, so that nothing but it is loaded for tests that do
not use the fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from structlog_mozdef.testing import CapturedEvents


@pytest.fixture
def mozdef_events() -> Iterator[CapturedEvents]:
    """Events that the code under test logs, as MozDef would store them; nothing is sent."""
    from structlog_mozdef.testing import capture_events

    with capture_events() as events:
        yield events
