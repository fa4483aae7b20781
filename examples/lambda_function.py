"""A function of AWS Lambda: the machine may be frozen as soon as it has answered."""

import structlog

import structlog_mozdef

sink = structlog_mozdef.configure(tags=["lambda"], stdlib=True)
log = structlog.get_logger("shop")


def lambda_handler(event: dict, context: object) -> dict:
    structlog.contextvars.bind_contextvars(request_id=getattr(context, "aws_request_id", None))
    try:
        log.info("Order received", order=event["order"])
        return {"statusCode": 200}
    finally:
        sink.flush(2)  # seconds; a function that is frozen sends nothing
