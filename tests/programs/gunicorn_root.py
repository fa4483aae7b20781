"""Settings for gunicorn, and an application: each worker makes its sink while it is still root."""

import os

import structlog_mozdef as mozdef

made = []


def post_fork(server, worker):
    made.append(mozdef.Sink(os.environ["MOZDEF_URL"], spool=os.environ["SPOOL"], linger=60))
    import gunicorn_root

    gunicorn_root.made = made


def app(environ, start_response):
    made[0].put(b'{"summary": "%b"}' % environ["QUERY_STRING"].encode())
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]


preload_app = True
