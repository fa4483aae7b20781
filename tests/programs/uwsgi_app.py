"""An application for uWSGI: each request logs its query string."""

import os

import structlog_mozdef as mozdef

sink = mozdef.Sink(os.environ["MOZDEF_URL"])
if "EARLY" in os.environ:
    # The master has a thread before it forks the workers. uWSGI forks without looking whether
    # a thread is in the middle of something, so the thread is at rest by then.
    sink.put(b'{"summary": "imported"}')
    sink.flush()


def application(environ, start_response):
    sink.put(b'{"summary": "%b"}' % environ["QUERY_STRING"].encode())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
