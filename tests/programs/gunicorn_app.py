"""An application for gunicorn: each request logs its query string."""

import os

import structlog_mozdef as mozdef

sink = mozdef.Sink(os.environ["MOZDEF_URL"], spool=os.environ.get("SPOOL"), linger=60)
sink.put(b'{"summary": "imported"}')  # with --preload: in the process that forks the workers


def application(environ, start_response):
    sink.put(b'{"summary": "%b"}' % environ["QUERY_STRING"].encode())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
