"""URLs of destinations: taken apart, and shown without their secrets."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

# Blanks and control characters, some of which urllib drops without a word; lone surrogates.
_ODD = re.compile("[\x00-\x20\x7f\ud800-\udfff]")


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
    if not isinstance(url, str):
        raise ValueError(
            f"url is a {type(url).__name__}; it must be a text that starts with {allowed}"
        )
    parts = _split(url.strip())
    # The exceptions of urllib quote what they are given; ours are raised outside of its except.
    if parts is None:
        raise ValueError(f"url is {_masked(url)!r}; its host or port is malformed")
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(
            f"url is {_masked(url)!r}; it must be a full address that starts with {allowed}"
        )
    if "@" in parts.path + parts.query + parts.fragment:
        # Most likely a part of the password: "https://user:pass/word@host" has the host "user".
        raise ValueError(
            f"url is {_masked(url)!r}; characters like / ? # @ must be percent-encoded in user,"
            " password, path and query"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    netloc = host if parts.port is None else f"{host}:{parts.port}"
    bare = SplitResult(parts.scheme, netloc, parts.path, parts.query, "")
    credentials = None
    if parts.username or parts.password:
        credentials = (unquote(parts.username or ""), unquote(parts.password or ""))
    return Address(
        url=urlunsplit(bare),
        credentials=credentials,
        name=urlunsplit(bare._replace(query="")),
        scheme=parts.scheme,
        path=parts.path,
    )


def scheme_of(url: str, schemes: tuple[str, ...]) -> str:
    """Which of *schemes* the text *url* begins with; one of them may be ``-``, a whole URL.

    Raises:
        ValueError: for another one, or none. The message shows no credentials.
    """
    found = url.strip().partition("://")[0].lower()
    if found not in schemes:
        allowed = ", ".join(scheme if scheme == "-" else f"{scheme}://" for scheme in schemes)
        raise ValueError(
            f"url is {_masked(url)!r}; it must be a full address that starts with one of {allowed}"
        )
    return found


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 or _ODD.search(url) else parts
    except ValueError:
        return None


def _masked(url: str) -> str:
    """*url* for an error message, whatever it is: without what could be credentials."""
    before, at, after = url.rpartition("@")
    if at:
        scheme, slashes, _ = before.partition("://")
        url = f"{scheme}://...@{after}" if slashes else f"...@{after}"
    return re.split(r"[?#]", url, maxsplit=1)[0]
