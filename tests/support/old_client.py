"""mozdef-client 1.1, so that tests can use it."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the old client and of what it imports
    import mozdef_client

# It closes a thread pool, and hangs if a thread of that pool does so.
del mozdef_client.MozDefMessage.__del__

__all__ = ["mozdef_client"]
