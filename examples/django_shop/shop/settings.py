"""Settings of the shop. What is of MozDef: the sink, a middleware, and a handler in ``LOGGING``."""

import os
import secrets

import structlog_mozdef

sink = structlog_mozdef.configure(tags=["shop"])

SECRET_KEY = os.environ.get("SECRET_KEY", secrets.token_urlsafe())
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
DEBUG = False
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes"]
MIDDLEWARE = ["django_structlog.middlewares.RequestMiddleware"]
ROOT_URLCONF = "shop.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {
        "console": {"class": "logging.StreamHandler"},
        "mozdef": {
            "class": "structlog_mozdef.MozDefHandler",
            "sink": sink,
            "tags": ["shop"],
            "processors": ["structlog.contextvars.merge_contextvars"],
        },
    },
    "root": {"level": "INFO", "handlers": ["console", "mozdef"]},
    # The server of `manage.py runserver` keeps its log apart from the root logger.
    "loggers": {"django.server": {"handlers": ["console", "mozdef"]}},
}
