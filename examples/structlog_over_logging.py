"""structlog that hands its events to the standard library's logging, which has all handlers."""

import logging.config
import os

import structlog

import structlog_mozdef

shared = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
]

logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "console": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.dev.ConsoleRenderer(),
                ],
            },
            "mozdef": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder()],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog_mozdef.TagAdder("shop"),
                    structlog_mozdef.MozDefRenderer(),
                ],
            },
        },
        "handlers": {
            "console": {"class": "logging.StreamHandler", "formatter": "console"},
            "mozdef": {
                "class": "structlog_mozdef.MozDefHandler",
                "formatter": "mozdef",
                "url": os.environ["MOZDEF_URL"],
                "handle_sigterm": True,
            },
        },
        "root": {"level": "INFO", "handlers": ["console", "mozdef"]},
    }
)
structlog.configure(
    processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

if __name__ == "__main__":
    structlog.contextvars.bind_contextvars(request_id="r-1")
    structlog.get_logger("shop").info("Order paid", order=7)
    logging.getLogger("old.module").warning("order %d is late", 7, extra={"order": 7})
