"""URLs of destinations: parsed, and shown without their secrets."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

# Spaces and control characters, some of which urllib removes silently; lone surrogates.
_ODD = re.compile("[\x00-\x20\x7f\ud800-\udfff]")
_SCHEMES_WITH_USERS = ("http", "https", "amqp", "amqps")


@dataclass(frozen=True)
class Address:
    """The URL of a destination, and the user and password in it.

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
    """Parse *url*.

    Raises:
        ValueError: for a URL without a host or of another scheme than *schemes*. The message
            shows no credentials.
    """
    allowed = " or ".join(f"{scheme}://" for scheme in schemes)
    if not isinstance(url, str):
        raise ValueError(
            f"url is a {type(url).__name__}; it must be a string that starts with {allowed}"
        )
    parts = _split(url.strip())
    # The exceptions of urllib quote their arguments, so that `_split` raises none.
    if parts is None:
        raise ValueError(f"url is {_masked(url)!r}; its host or port is malformed")
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(
            f"url is {_masked(url)!r}; it must be a full address that starts with {allowed}"
        )
    if "@" in parts.path + parts.query + parts.fragment:
        # Probably a part of the password: "https://user:pass/word@host" has the host "user".
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


def parse_path(url: str, scheme: str) -> str:
    """Return the path of *url*, ``scheme:///path``, decoded; empty if it has none.

    Raises:
        ValueError: for a URL with anything else. The message shows no credentials.
    """
    parts = _split(url.strip())
    path = unquote(parts.path, errors="surrogateescape") if parts is not None else ""
    is_plain = parts is not None and not (parts.netloc or parts.query or parts.fragment)
    if not is_plain or parts is None or parts.scheme != scheme or "\0" in path:
        raise ValueError(
            f"url is {_masked(url)!r}; it must be {scheme}:///path, the path of this machine with"
            " characters like % ? # percent-encoded"
        )
    return path


def scheme_of(url: str, schemes: tuple[str, ...]) -> str:
    """Return which of *schemes* *url* begins with; one of them may be ``-``, a complete URL.

    Raises:
        ValueError: it begins with none of them. The message shows no credentials.
    """
    found = url.strip().partition("://")[0].lower()
    if found not in schemes:
        allowed = ", ".join(scheme if scheme == "-" else f"{scheme}://" for scheme in schemes)
        raise ValueError(
            f"url is {_masked(url)!r}; it must be a full address that starts with one of {allowed}"
        )
    return found


def has_user(url: str) -> bool:
    """Return whether *url* has a user or a password of its own."""
    return "@" in url.partition("://")[2].partition("/")[0]


def can_have_user(url: str) -> bool:
    """Return whether destinations of the kind of *url* know a user and a password."""
    return url.strip().partition("://")[0].lower() in _SCHEMES_WITH_USERS


def with_user(url: str, user: str, password: str) -> str:
    """Return *url*, which has no user of its own, with *user* and *password*."""
    scheme, slashes, rest = url.strip().partition("://")
    quoted = ":".join(quote(os.fsencode(part), safe="") for part in (user, password))
    return f"{scheme}{slashes}{quoted}@{rest}"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 or _ODD.search(url) else parts
    except ValueError:
        return None


def _masked(url: str) -> str:
    """Return *url* for an error message, without what could be credentials."""
    before, at, after = url.rpartition("@")
    if at:
        scheme, slashes, _ = before.partition("://")
        url = f"{scheme}://...@{after}" if slashes else f"...@{after}"
    # What stands for a port and is no number: probably a password, without its host.
    url = re.sub(r"(://[^/:\[\]]+:)(?![0-9]*(?:[/?#,]|\Z))[^/?#]*", r"\1...", url, count=1)
    return re.split(r"[?#]", url, maxsplit=1)[0]


@dataclass(frozen=True, repr=False)
class HostList:
    """Hosts of which any can be used, and the user and password for them.

    Attributes:
        hosts: pairs of name and port; the port is None where the URL has none.
        credentials: user and password from the URL, or None.
        name: for log lines: the URL without credentials.
        scheme: in lower case.
        path: of the URL, as it is written, with a leading slash, or empty.
    """

    hosts: tuple[tuple[str, int | None], ...]
    credentials: tuple[str, str] | None
    name: str
    scheme: str
    path: str

    def __repr__(self) -> str:
        return f"HostList({self.name})"


def parse_hosts(url: str, schemes: tuple[str, ...]) -> HostList:
    """Parse *url*, ``scheme://user:password@host:port,host:port/path``.

    Raises:
        ValueError: for a URL without a host, of another scheme than *schemes*, with a query or a
            fragment, or with a user or a password that is no UTF-8. The message shows no
            credentials.
    """
    scheme = scheme_of(url, schemes)
    shown = _masked(url.strip())
    _, _, rest = url.strip().partition("://")
    authority, slash, path = rest.partition("/")
    user_and_password, at, hosts = authority.rpartition("@")
    if "@" in path or "?" in rest or "#" in rest:
        raise ValueError(
            f"url is {shown!r}; it must have no query, and characters like / ? # @ must be"
            " percent-encoded in user, password and path"
        )
    parts = [_split(f"//{host}") for host in hosts.split(",")]
    pairs = tuple((part.hostname, part.port) for part in parts if part and part.hostname)
    if len(pairs) < len(parts) or _ODD.search(url.strip()) or not _are_names(hosts):
        raise ValueError(f"url is {shown!r}; a host or port in it is malformed")
    credentials = None
    if at:
        user, _, password = user_and_password.partition(":")
        credentials = (_unquoted(user), _unquoted(password))
        if any("\0" in part or "\N{REPLACEMENT CHARACTER}" in part for part in credentials):
            raise ValueError(
                f"url is {shown!r}; user and password must be percent-encoded UTF-8 without NUL"
            )
    return HostList(
        hosts=tuple((host, port) for host, port in pairs if host),
        credentials=credentials,
        name=f"{scheme}://{hosts.lower()}{slash}{path}",
        scheme=scheme,
        path=slash + path,
    )


def _unquoted(text: str) -> str:
    return unquote(text, errors="replace")


def _are_names(hosts: str) -> bool:
    """Whether DNS could know each of *hosts*."""
    try:
        for host in hosts.split(","):
            host.encode("idna")
    except UnicodeError:
        return False
    return True
