"""The options of all transports, for type checkers; each transport documents and checks its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Any, Literal, TypedDict


class TransportOptions(TypedDict, total=False):
    """Options of the transport of a URL. Which of them there are depends on its scheme."""

    # https://, and several others
    verify: bool | str | PathLike[str]
    cert: str | PathLike[str] | tuple[str | PathLike[str], str | PathLike[str]] | None
    connect_timeout: float
    # https://
    bulk: bool | Literal["auto"]
    bulk_format: Literal["ndjson", "array"]
    bulk_action: Literal["index", "create"]
    document_ids: bool
    auth: tuple[str, str] | Callable[..., Any] | None
    api_key: str | tuple[str, str] | None
    headers: Mapping[str, str] | None
    proxies: Mapping[str, str] | None
    read_timeout: float
    recovery_probes: int
    recovery_pause: float
    # amqps://
    exchange: str
    routing_key: str
    heartbeat: int
    confirm_timeout: float
    # sqs://
    region: str | None
    account: str | None
    endpoint_url: str | None
    profile: str | None
    # syslog://
    facility: str | int
    app_name: str | None
    msgid: str | None
    form: Literal["rfc5424", "rfc3164"] | None
    framing: Literal["octet-counting", "newline"]
    max_message_bytes: int
    when_too_long: Literal["truncate", "reject"]
    write_timeout: float
    # file://
    mode: int | str
    fsync: bool
