"""Jobs of a shop with RQ: ``rq worker --worker-class rq_shop.Worker``."""

from typing import Any

import rq
import structlog

import structlog_mozdef

sink = structlog_mozdef.configure(tags=["shop"], stdlib=True)
log = structlog.get_logger("shop")


def pay(order: int) -> None:
    log.info("Order paid", order=order)


class Worker(rq.Worker):
    """RQ ends the process of each job by ``os._exit``, after which nothing can be sent."""

    def perform_job(self, *args: Any, **kwargs: Any) -> bool:
        try:
            return super().perform_job(*args, **kwargs)
        finally:
            sink.flush(5)  # seconds
