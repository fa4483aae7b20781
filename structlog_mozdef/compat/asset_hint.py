"""mozdef_client's hints about assets."""

from __future__ import annotations

from typing import Any

from structlog_mozdef.compat.event import MozDefEvent


class MozDefAssetHint(MozDefEvent):
    """A hint about an asset, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_ASSETHINT
        self._category = "asset_hint"

    def validate(self) -> bool:
        """Return whether the event has a summary and details."""
        return super().validate() and bool(self.details)
