"""The classes of mozdef_lib and mozdef_client: code written for them runs unchanged.

>>> import structlog_mozdef.compat as mozdef
>>> msg = mozdef.MozDefMsg("https://mozdef.example.com:8443/events", tags=["openvpn"])
>>> msg.send("User logged in", details={"username": "kang"})

What differs from the old clients, each time on purpose, is listed in ``docs/migration.rst``.
"""

from __future__ import annotations

from structlog_mozdef.compat._delivery import flush

# From modules that are named as mozdef_client's are.
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
