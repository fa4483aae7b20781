"""Tasks of a shop with Celery: ``celery -A celery_shop worker``."""

import logging
import os

import celery
import structlog
from celery.signals import after_setup_logger, after_setup_task_logger
from celery.utils.log import get_task_logger

import structlog_mozdef

app = celery.Celery("shop", broker=os.environ.get("BROKER_URL", "redis://localhost"))
sink = structlog_mozdef.configure(tags=["shop"])
log = structlog.get_logger("shop")
task_log = get_task_logger(__name__)


@after_setup_logger.connect
@after_setup_task_logger.connect
def ship(logger: logging.Logger, **kwargs: object) -> None:
    # A worker removes all handlers of the root logger before it calls this.
    logger.addHandler(structlog_mozdef.MozDefHandler(sink, tags=["shop"]))


@app.task
def pay(order: int) -> None:
    log.info("Order paid", order=order)
    task_log.info("order %d paid", order)


@app.task
def refund(order: int) -> None:
    raise ValueError(f"order {order} was not paid")  # Celery logs it, with its traceback
