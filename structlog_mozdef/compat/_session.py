"""``httpsession``: what programs set on the session of the old clients still counts.

The session itself no longer sends anything. Its ``auth``, ``cert``, ``headers``, ``proxies`` and
``trust_env`` become options of our own transport; a warning names anything else that was set. As in
the old clients, ``trust_env`` is off, so that the proxies of the environment are not used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from structlog_mozdef.rendering.convert import safe_str

# These belong to a connection, not to a program; our transport sets its own.
_CONNECTION_HEADERS = frozenset({"accept-encoding", "connection"})
_SCALARS = frozenset({str, bytes, int, float, bool, type(None)})


@dataclass(frozen=True, repr=False)  # it holds credentials
class SessionSettings:
    """Options of `HTTPTransport` that can be compared and hashed.

    Attributes:
        auth, cert, headers, proxies: as for `HTTPTransport`.
        auth_key: equal for two *auth* with the same credentials.
        ignored: the names of what was set and is not used.
    """

    auth: Any = field(default=None, compare=False)
    auth_key: Any = None
    cert: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    proxies: tuple[tuple[str, str], ...] | None = ()
    ignored: tuple[str, ...] = field(default=(), compare=False)

    def options(self) -> dict[str, Any]:
        """Return the options of a transport."""
        return {
            "auth": self.auth,
            "cert": self.cert,
            "headers": dict(self.headers),
            "proxies": None if self.proxies is None else dict(self.proxies),
        }


#: The settings of a session on which nothing was set.
UNTOUCHED = SessionSettings()


def settings_of(session: Any) -> SessionSettings:
    """Return the settings of *session*, which is None or a session of requests.

    Raises:
        Exception: of any kind, if it is neither.
    """
    if session is None:
        return UNTOUCHED
    from requests.utils import default_headers

    defaults = default_headers()
    # A value of None removes a header or a proxy, as in requests.
    headers = {
        _string(name): _string(value)
        for name, value in dict(getattr(session, "headers", None) or {}).items()
        if value is not None and defaults.get(name) != value
    }
    proxies = {
        _string(scheme): proxy
        for scheme, proxy in dict(getattr(session, "proxies", None) or {}).items()
        if proxy is not None
    }
    auth = _plain_auth(getattr(session, "auth", None))
    cert: Any = getattr(session, "cert", None)
    from_environment = getattr(session, "trust_env", True) and not proxies
    return SessionSettings(
        auth=auth,
        auth_key=_key_of(auth),
        cert=tuple(cert) if isinstance(cert, list) else cert,
        headers=tuple(
            (name, value)
            for name, value in sorted(headers.items())
            if name.lower() not in _CONNECTION_HEADERS
        ),
        proxies=None if from_environment else tuple(sorted(proxies.items())),
        ignored=tuple(_ignored(session)),
    )


def _string(value: Any) -> str:
    """Return a name or value of a header as a string: requests accepts bytes as well."""
    return value.decode("latin-1") if isinstance(value, bytes) else safe_str(value)


def _plain_auth(auth: Any) -> Any:
    if type(auth).__name__ == "HTTPBasicAuth" and hasattr(auth, "username"):
        auth = (auth.username, auth.password)
    return tuple(auth) if isinstance(auth, list) else auth


def _key_of(auth: Any) -> Any:
    """Return a key that is equal for equal credentials.

    Programs create such objects for each session, and each key has a sink of its own.
    """
    if auth is None or isinstance(auth, tuple):
        return auth
    state = dict(getattr(auth, "__dict__", {}))
    if type(auth).__module__ == "requests.auth":  # these also hold what the server has said
        state = {name: state.get(name) for name in ("username", "password")}
    if state and _SCALARS.issuperset(map(type, state.values())):
        return (type(auth), *sorted(state.items()))
    return id(auth)  # unique as long as the destination that holds *auth* exists


def _ignored(session: Any) -> Iterator[str]:
    """Yield the names of what is set on *session* and has no counterpart in our transport."""
    from requests.adapters import HTTPAdapter

    adapters = getattr(session, "adapters", None) or {}
    if any(type(adapter) is not HTTPAdapter for adapter in adapters.values()):
        yield "adapters"
    if any((getattr(session, "hooks", None) or {}).values()):
        yield "hooks"
    for name in ("cookies", "params"):
        if getattr(session, name, None):
            yield name


def session_of(instance: object, name: str) -> Any:
    """Return the session *name* of *instance* or its class, or None if none was created yet."""
    if name not in vars(instance):
        for owner in type(instance).__mro__:
            declared = vars(owner).get(name)
            if isinstance(declared, SessionAttribute):
                return declared.shared
            if declared is not None:
                break
    return getattr(instance, name)


class SessionAttribute:
    """A descriptor for a session, which is created on first access.

    The session of the class counts for all its instances, that of an instance for this one only.
    """

    def __init__(self) -> None:
        self.shared: Any = None
        self._name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            if self.shared is None:
                self.shared = _new_session()
            return self.shared
        session = _new_session()
        if self.shared is not None:
            session.headers.update(self.shared.headers)
            session.proxies.update(self.shared.proxies)
            for name in ("auth", "cert", "trust_env"):
                setattr(session, name, getattr(self.shared, name))
        # Another thread may have created it meanwhile, and set something on it.
        return vars(instance).setdefault(self._name, session)


def _new_session() -> Any:
    import requests

    session = requests.Session()
    session.trust_env = False
    return session
