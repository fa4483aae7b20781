"""gunicorn's own access and error log go to MozDef as well."""

import logging
import os

import structlog_mozdef

accesslog = "-"


def on_starting(server):
    handler = structlog_mozdef.MozDefHandler(
        os.environ["MOZDEF_URL"], tags=["gunicorn"], handle_sigterm=True
    )
    for name in ("gunicorn.error", "gunicorn.access"):
        logging.getLogger(name).addHandler(handler)
