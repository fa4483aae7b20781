"""The shop of ``flask_shop.py`` on gevent's own server: patch before anything else is imported."""

from gevent import monkey

monkey.patch_all()

import os  # noqa: E402
import signal  # noqa: E402

import gevent  # noqa: E402
from flask_shop import app  # noqa: E402
from gevent.pywsgi import WSGIServer  # noqa: E402

server = WSGIServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), app)

if __name__ == "__main__":
    gevent.signal_handler(signal.SIGTERM, server.stop)
    server.serve_forever()
