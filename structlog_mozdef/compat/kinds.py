"""The kinds of mozdef_client's events that have rules of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from structlog_mozdef.compat.event import MozDefEvent


def has_keys(document: Any, names: str) -> bool:
    """Whether *document* is an object with all of *names*."""
    return isinstance(document, dict) and document.keys() >= set(names.split())


def have_keys(rules: Iterable[tuple[Any, str]]) -> bool:
    """Whether each document of *rules* has the names that stand beside it."""
    return all(has_keys(document, names) for document, names in rules)


class MozDefCompliance(MozDefEvent):
    """The result of a compliance check, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_COMPLIANCE
        self.category = "complianceitems"

    def validate_log(self) -> bool:
        """Whether the details have all that MozDef's compliance items have."""
        item: Any = self._sendlog.get("details")
        if not has_keys(item, "target policy check compliance link utctimestamp"):
            return False
        check = item["check"]
        return have_keys(
            [(item["policy"], "level name url"), (check, "description location name test")]
        ) and has_keys(check["test"], "type value")


class MozDefAssetHint(MozDefEvent):
    """A hint about an asset, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_ASSETHINT
        self.category = "asset_hint"

    def validate(self) -> bool:
        """Whether there are a summary and details."""
        return super().validate() and bool(self.details)


class MozDefRRA(MozDefEvent):
    """A rapid risk assessment, in ``details``."""

    def __init__(self, url: Any) -> None:
        super().__init__(url)
        self._msgtype = self.MSGTYPE_RRA
        self.category = "rra_data"

    def validate(self) -> bool:
        """Whether there are a summary and details, and the category is "rra_data"."""
        return super().validate() and self.category == "rra_data" and bool(self.details)
