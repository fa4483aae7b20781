"""The URL and the options of `SQSTransport` that name a queue, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from structlog_mozdef.transports.urls import parse_address

#: From Amazon's documentation of CreateQueue: up to 80 characters, ``.fifo`` among them.
_QUEUE = re.compile(r"(?=.{1,80}\Z)[0-9A-Za-z_-]+(?:\.fifo)?")
#: Becomes a part of a host name; stand-ins for Amazon have regions of their own.
_REGION = re.compile(r"(?=.{1,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_ACCOUNT = re.compile(r"\d{12}")
#: Names that the query of the URL may hold, and the options that they stand for.
_IN_QUERY = {"region": "region", "account": "account", "endpoint": "endpoint_url"}


@dataclass(frozen=True)
class QueueAddress:
    """A queue.

    Attributes:
        queue: its name, as Amazon writes it: in upper and lower case.
        region: of AWS, or None for the one that boto3 is configured for.
        account: the AWS account that owns it, or None for that of the credentials.
        endpoint_url: of a server that stands in for Amazon's, or None.
        endpoint_name: the same for log lines, without secrets.
    """

    queue: str
    region: str | None
    account: str | None
    endpoint_url: str | None
    endpoint_name: str | None

    @property
    def is_fifo(self) -> bool:
        """Whether the queue keeps the order: Amazon requires this ending of its name."""
        return self.queue.endswith(".fifo")

    def name(self, region: str) -> str:
        """Return the queue for log lines, distinct from one of the same name elsewhere."""
        name = f"sqs://{self.queue}?region={region}"
        if self.account is not None:
            name += f"&account={self.account}"
        if self.endpoint_name is not None:
            name += f"&endpoint={self.endpoint_name}"
        return name


def parse_queue(url: str, **options: str | None) -> QueueAddress:
    """Parse *url*; *options* that are not None override its query.

    Raises:
        ValueError: no queue has this name, or an option cannot work.
    """
    address = parse_address(url, ("sqs",))
    if address.credentials is not None:
        raise ValueError(
            f"url of {address.name!r} holds credentials; boto3 finds them by itself: in the"
            " environment, its files, or the role of the machine"
        )
    parts = urlsplit(address.url)
    queue = unquote(urlsplit(url.strip()).netloc)  # a host of a URL would be in lower case
    if not _QUEUE.fullmatch(queue) or parts.path.strip("/"):
        raise ValueError(
            f"url is {address.name!r}; it must be sqs://QUEUE, the name of a queue: up to 80"
            " letters, digits, - and _, or these and .fifo"
        )
    chosen = {**_options_of(parts.query), **{k: v for k, v in options.items() if v is not None}}
    endpoint = _endpoint(chosen.get("endpoint_url"))
    return QueueAddress(
        queue=queue,
        region=_checked(
            "region", chosen.get("region"), _REGION, "the name of an AWS region, eu-west-1"
        ),
        account=_checked(
            "account", chosen.get("account"), _ACCOUNT, "the 12 digits of an AWS account"
        ),
        endpoint_url=None if endpoint is None else endpoint[0],
        endpoint_name=None if endpoint is None else endpoint[1],
    )


def _options_of(query: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _IN_QUERY or _IN_QUERY[name] in found:
            # Not its value: it could be a key that somebody hoped to pass here.
            raise ValueError(
                f"the url has {name!r} in its query; allowed are {', '.join(_IN_QUERY)}, each once"
            )
        found[_IN_QUERY[name]] = value
    return found


def _checked(name: str, value: Any, form: re.Pattern[str], meaning: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError(f"{name} is {value!r}; it must be {meaning}")
    return value


def _endpoint(url: Any) -> tuple[str, str] | None:
    if url is None:
        return None
    try:
        address = parse_address(url, ("https", "http"))
        problem = "" if address.credentials is None else "it must not hold credentials"
    except ValueError as error:
        problem = str(error)
    if problem:
        raise ValueError(f"endpoint_url cannot be used: {problem}")
    return address.url, address.name
