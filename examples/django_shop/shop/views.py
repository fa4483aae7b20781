"""Views of the shop."""

import logging

import structlog
from django.contrib.auth.signals import user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

log = structlog.get_logger("shop")
old_log = logging.getLogger("shop.orders")


def show_order(request: HttpRequest, number: int) -> HttpResponse:
    old_log.info("order %d shown", number)  # the standard library's logging joins
    return HttpResponse(str(10 // number))  # an order 0 is a fault: Django logs it


def login(request: HttpRequest, username: str) -> HttpResponse:
    # As `django.contrib.auth.authenticate` does; a careless backend sends the password as well.
    user_login_failed.send(
        sender=__name__, credentials={"username": username, "password": "guess"}, request=request
    )
    return HttpResponse("no", status=403)


@receiver(user_login_failed)
def log_failed_login(sender: str, credentials: dict, **kwargs: object) -> None:
    log.warning("Login failed", category="authentication", success=False, **credentials)
