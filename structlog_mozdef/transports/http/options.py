"""Checks of the options of `HTTPTransport`: what cannot work is said at once, without secrets."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from requests.auth import AuthBase
from requests.utils import get_environ_proxies

from structlog_mozdef.transports import tls

#: MozDef's nginx rejects a longer header, and every event with it.
_HEADER_LIMIT_BYTES = 2_000
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: No control character, and nothing beyond Latin-1: HTTP cannot carry them.
_HEADER_VALUE = re.compile(r"(?:[!-~\xa0-\xff](?:[\t -~\xa0-\xff]*[!-~\xa0-\xff])?)?")
_BASE64 = re.compile(r"[0-9A-Za-z+/_-]+={0,2}")
_FIXED_HEADERS = frozenset(
    {
        "accept-encoding",
        "content-encoding",
        "content-length",
        "expect",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


def checked_verify(verify: Any) -> bool | str:
    """Return whether certificates are verified, or the CA bundle to verify them by."""
    # The variables that requests itself looks at.
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE") if verify is True else ():
        if path := os.environ.get(variable):
            return tls.checked_bundle(f"{variable} of the environment", path)
    return tls.checked_verify(verify)


def checked_auth(auth: Any) -> tuple[str, str] | AuthBase:
    """Return user and password, or the object that signs each request."""
    if isinstance(auth, (tuple, list)):
        if len(auth) == 2 and all(isinstance(part, str) and _is_unicode(part) for part in auth):
            return auth[0], auth[1]
    elif callable(auth) and not isinstance(auth, type):
        return auth  # type: ignore[no-any-return] # requests asks for no more
    raise ValueError(
        f"auth is a {type(auth).__name__}; it must be a pair of strings, user and password, or an"
        " authentication object of requests"
    )


def checked_api_key(api_key: Any) -> str:
    """Return the ``Authorization`` header for an API key of Elasticsearch."""
    if isinstance(api_key, (tuple, list)):
        if len(api_key) == 2 and all(isinstance(part, str) and part for part in api_key):
            pair = ":".join(api_key)
            if _is_unicode(pair):
                return f"ApiKey {base64.b64encode(pair.encode('utf-8')).decode('ascii')}"
    elif isinstance(api_key, str) and _BASE64.fullmatch(api_key):
        return f"ApiKey {api_key}"
    raise ValueError(
        f"api_key is a {type(api_key).__name__} that is no API key; it must be the string that"
        ' Elasticsearch calls "encoded", or the pair of id and key'
    )


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def checked_headers(headers: Any) -> dict[str, str]:
    """Return *headers* as a dict, checked for what HTTP and MozDef can carry."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ValueError(f"headers is a {type(headers).__name__}; it must map names to values")
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"header {name!r} is malformed; the name must be a token of HTTP")
        if not isinstance(value, str) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(
                f"the value of header {name!r} is malformed; it must be a string of Latin-1 on"
                " one line, without spaces around it"
            )
        if name.lower() in _FIXED_HEADERS:
            raise ValueError(f"header {name!r} cannot be set; MozDef reads plain bodies only")
    return dict(headers)


def check_header_sizes(headers: Mapping[str, str]) -> None:
    """Raise ValueError for a header that is so long that MozDef rejects every event with it."""
    for name, value in headers.items():
        if len(name) + len(value) > _HEADER_LIMIT_BYTES:
            raise ValueError(
                f"header {name!r} has {len(value)} bytes; MozDef's front end allows"
                f" {_HEADER_LIMIT_BYTES} together with the name"
            )


def checked_proxies(proxies: Any, url: str) -> dict[str, str]:
    """Return the proxies to use; by default those that the environment names for *url*."""
    if proxies is None:
        return dict(get_environ_proxies(url))
    if not isinstance(proxies, Mapping):
        raise ValueError(f"proxies is a {type(proxies).__name__}; it must map schemes to URLs")
    for scheme, proxy in proxies.items():
        if not isinstance(scheme, str) or not _is_proxy(proxy):
            raise ValueError(
                f"the proxy for {scheme!r} is malformed; it must be a URL with a host that starts"
                f" with {', '.join(f'{scheme}://' for scheme in _PROXY_SCHEMES[:-1])} or"
                f" {_PROXY_SCHEMES[-1]}://"
            )
    return dict(proxies)


def _is_proxy(proxy: Any) -> bool:
    if not isinstance(proxy, str):
        return False
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
