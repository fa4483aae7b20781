"""The arguments that commands with a destination share.

A password in the URL can be read by everybody in the list of processes. So it can come from a file
or from the environment as well, and an API key comes from nowhere else.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structlog_mozdef.transports.urls import can_have_user, has_user, with_user

if TYPE_CHECKING:
    from structlog_mozdef.sink import Sink

#: Set in the environment, they are the user and the password of the destination.
USER_VARIABLE, PASSWORD_VARIABLE = "MOZDEF_USER", "MOZDEF_PASSWORD"
#: The same for an API key of Elasticsearch or OpenSearch.
API_KEY_VARIABLE = "MOZDEF_API_KEY"
_SCHEMES_WITH_API_KEYS = ("http", "https")
_PASSWORD_LIMIT_BYTES = 10_000


def add_destination(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Define the arguments for the URL and the access to it."""
    parser.add_argument(
        "url",
        metavar="URL",
        nargs="?" if optional else None,
        help="the destination: https://host:8443/events, or another URL that a Sink accepts",
    )
    add_access(parser)


def add_access(parser: argparse.ArgumentParser) -> None:
    """Define the arguments for the user of a URL, and how its certificate is verified."""
    parser.add_argument(
        "--user",
        metavar="NAME",
        help="the user at the destination, where the URL has none"
        f" (default: ${USER_VARIABLE}, or none)",
    )
    parser.add_argument(
        "--password-file",
        metavar="FILE",
        help="a file whose first line is the password of that user"
        f" (default: ${PASSWORD_VARIABLE}, or none)",
    )
    parser.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="a file whose first line is an API key of Elasticsearch, encoded or as ID:KEY, instead"
        f" of a user (default: ${API_KEY_VARIABLE}, or none)",
    )
    parser.add_argument(
        "--verify",
        default="yes",
        metavar="yes|no|FILE",
        help="verify the certificate of the destination; with FILE, a bundle of CA certificates in"
        " PEM, by these (default: %(default)s)",
    )


def sink_of(arguments: argparse.Namespace, kind: type[Sink] | None = None, **options: Any) -> Sink:
    """Create a sink for the arguments of `add_destination`.

    Args:
        arguments: as they were parsed.
        kind: its class. Default: `Sink`.
        options: of the sink.

    Raises:
        ValueError: a setting cannot work, or the destination has no certificate to verify.
    """
    from structlog_mozdef.sink import Sink

    if not arguments.url.strip():  # of a sink it means that nothing is sent
        raise ValueError("URL is empty; it must be a destination")
    sink_class = kind or Sink
    url, api_key = access_to(arguments.url, arguments, os.environ)
    if api_key is not None:
        options["api_key"] = api_key
    verify = arguments.verify
    if verify == "yes":
        return sink_class(url, **options)
    try:
        return sink_class(url, verify=False if verify == "no" else verify, **options)
    except TypeError as error:
        problem = str(error)
    raise ValueError(f"--verify is not for this destination: {problem}")


def access_to(
    url: str, arguments: argparse.Namespace, environment: Mapping[str, str]
) -> tuple[str, str | tuple[str, str] | None]:
    """Return *url*, with a user if one is given, and an API key for it, if one is given.

    What is an argument goes before what is in the environment.

    Raises:
        ValueError: both are given, or one of them cannot work.
    """
    user_is_given = arguments.user is not None or arguments.password_file is not None
    has_key = arguments.api_key_file is not None
    if user_is_given and has_key:
        raise ValueError("--api-key-file is given as well as a user; give one of them")
    scheme = url.strip().partition("://")[0].lower()
    if scheme not in _SCHEMES_WITH_API_KEYS or has_user(url):
        if has_key:
            raise ValueError(
                "--api-key-file is not for this URL: it has a user, or is none of HTTP"
            )
    elif has_key:
        return url, _parts_of(_first_line("--api-key-file", arguments.api_key_file))
    elif not user_is_given and environment.get(API_KEY_VARIABLE):
        if environment.get(USER_VARIABLE) or environment.get(PASSWORD_VARIABLE):
            raise ValueError(
                f"{API_KEY_VARIABLE} is set as well as {USER_VARIABLE} or {PASSWORD_VARIABLE};"
                " set one of them"
            )
        return url, _parts_of(environment[API_KEY_VARIABLE])
    return url_with_user(url, arguments.user, arguments.password_file, environment), None


def _parts_of(api_key: str) -> str | tuple[str, str]:
    """Return an API key as `HTTPTransport` accepts it."""
    identity, colon, key = api_key.strip().partition(":")
    return (identity, key) if colon else identity


def url_with_user(
    url: str, user: str | None, password_file: str | None, environment: Mapping[str, str]
) -> str:
    """Return *url* with the user and password that are given beside it, if there are any.

    A URL with a user of its own stays as it is, whatever the environment says.

    Raises:
        ValueError: two users or passwords, one without the other, or a file that cannot be read.
    """
    is_asked = user is not None or password_file is not None
    if has_user(url) or not can_have_user(url):
        if is_asked:
            scheme = url.strip().partition("://")[0]
            reason = "has a user already" if has_user(url) else f"is for {scheme}, which has none"
            raise ValueError(f"--user and --password-file are not for this URL: it {reason}")
        return url
    user = environment.get(USER_VARIABLE) if user is None else user
    if password_file is None:
        password = environment.get(PASSWORD_VARIABLE)
    else:
        password = _first_line("--password-file", password_file)
    if not user and not password:
        return url
    if not user or not password:
        given, missing = ("user", "password") if user else ("password", "user")
        raise ValueError(
            f"there is a {given} without a {missing}: --user or {USER_VARIABLE}, and"
            f" --password-file or {PASSWORD_VARIABLE} belong together"
        )
    return with_user(url, user, password)


def _first_line(option: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            line = file.readline(_PASSWORD_LIMIT_BYTES).rstrip(b"\r\n")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"{option} is {path!r}, which cannot be read: {reason}") from None
    if not line:
        raise ValueError(f"{option} is {path!r}, whose first line is empty")
    return os.fsdecode(line)
