"""URLs of destinations: taken apart, and shown without their secrets."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit


@dataclass(frozen=True)
class Address:
    """Where a destination is, and who asks.

    Attributes:
        url: without credentials.
        credentials: user and password from the URL, or None.
        name: for log lines: without credentials, query and fragment.
        scheme: in lower case.
        path: of the URL, with a leading slash, or empty.
    """

    url: str
    credentials: tuple[str, str] | None
    name: str
    scheme: str
    path: str

    def __repr__(self) -> str:
        return f"Address({self.name})"


def parse_address(url: str, schemes: tuple[str, ...]) -> Address:
    """Take *url* apart.

    Raises:
        ValueError: for a URL without a host or of another scheme than *schemes*. The message
            shows no credentials.
    """
    allowed = " or ".join(f"{scheme}://" for scheme in schemes)
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = parts.hostname
    except ValueError:
        raise ValueError(f"url is {_masked(url)!r}; its host or port is malformed") from None
    if parts.scheme not in schemes or not host:
        raise ValueError(
            f"url is {_masked(url)!r}; it must be a full address that starts with {allowed}"
        )
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc = f"{netloc}:{port}"
    bare = SplitResult(parts.scheme, netloc, parts.path, parts.query, "")
    credentials = None
    if parts.username is not None:
        credentials = (unquote(parts.username), unquote(parts.password or ""))
    return Address(
        url=urlunsplit(bare),
        credentials=credentials,
        name=urlunsplit(bare._replace(query="")),
        scheme=parts.scheme,
        path=parts.path,
    )


def _masked(url: str) -> str:
    """*url* for an error message, whatever it is: without what could be credentials."""
    before, at, after = url.rpartition("@")
    if at:
        scheme, slashes, _ = before.partition("://")
        url = f"{scheme}://...@{after}" if slashes else f"...@{after}"
    return url.partition("?")[0]
