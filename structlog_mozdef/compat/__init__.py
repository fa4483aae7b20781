"""The classes of mozdef_lib and mozdef_client: code written for them runs unchanged.

>>> import structlog_mozdef.compat as mozdef
>>> msg = mozdef.MozDefMsg("https://mozdef.example.com:8443/events", tags=["openvpn"])
>>> msg.send("User logged in", details={"username": "kang"})

``docs/migration.rst`` lists the differences, all of them on purpose. The modules without an
underscore are named as mozdef_client's. On the way of an event: `msg`, `event` and the other
messages build a document, with `_documents`, `_log_attribute` and `_session`; `_delivery` sends it,
by the sinks and connections of `_sinks` to one of the `_destinations`, or to the local `_syslog`.
"""

from __future__ import annotations

from structlog_mozdef.compat._delivery import flush
from structlog_mozdef.compat.asset_hint import MozDefAssetHint
from structlog_mozdef.compat.compliance import MozDefCompliance
from structlog_mozdef.compat.error import MozDefError
from structlog_mozdef.compat.event import MozDefEvent
from structlog_mozdef.compat.message import MozDefMessage
from structlog_mozdef.compat.msg import MozDefMsg
from structlog_mozdef.compat.rra import MozDefRRA
from structlog_mozdef.compat.vulnerability import MozDefVulnerability

__all__ = [
    "MozDefAssetHint",
    "MozDefCompliance",
    "MozDefError",
    "MozDefEvent",
    "MozDefMessage",
    "MozDefMsg",
    "MozDefRRA",
    "MozDefVulnerability",
    "flush",
]
