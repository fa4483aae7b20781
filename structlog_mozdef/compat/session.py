"""``httpsession``: what programs set on the session of the old clients still counts.

The session itself sends nothing any more. Its ``auth``, ``cert``, ``headers``, ``proxies`` and
``trust_env`` become options of our own transport. As in the old clients ``trust_env`` is off, so
that neither proxies of the environment nor ``.netrc`` are looked at.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

# Of a connection, not of a program; our transport has its own.
_CONNECTION_HEADERS = frozenset({"accept-encoding", "connection"})


@dataclass(frozen=True)
class SessionSettings:
    """Options of `HTTPTransport`, in a form that can be compared and hashed."""

    auth: Any = field(default=None, compare=False)
    auth_key: Any = None
    cert: Any = None
    headers: tuple[tuple[str, Any], ...] = ()
    proxies: tuple[tuple[str, str], ...] | None = ()

    def options(self) -> dict[str, Any]:
        """The options of a transport."""
        return {
            "auth": self.auth,
            "cert": self.cert,
            "headers": dict(self.headers),
            "proxies": None if self.proxies is None else dict(self.proxies),
        }


#: Of a session that nobody has touched.
UNTOUCHED = SessionSettings()


def settings_of(session: Any) -> SessionSettings:
    """What *session*, None or a session of requests, asks for."""
    if session is None:
        return UNTOUCHED
    from requests.utils import default_headers

    usual = default_headers()
    headers = {
        name: value
        for name, value in dict(getattr(session, "headers", None) or {}).items()
        if name.lower() not in _CONNECTION_HEADERS and usual.get(name) != value
    }
    auth: Any = getattr(session, "auth", None)
    if hasattr(auth, "username") and type(auth).__name__ == "HTTPBasicAuth":
        auth = (auth.username, auth.password)
    auth = tuple(auth) if isinstance(auth, list) else auth
    cert = getattr(session, "cert", None)
    proxies = dict(getattr(session, "proxies", None) or {})
    from_environment = getattr(session, "trust_env", True) and not proxies
    return SessionSettings(
        auth=auth,
        auth_key=auth if isinstance(auth, tuple) else id(auth),
        cert=tuple(cert) if isinstance(cert, list) else cert,
        headers=tuple(sorted(headers.items())),
        proxies=None if from_environment else tuple(sorted(proxies.items())),
    )


def session_of(instance: object) -> Any:
    """The session of *instance* or of its class, or None where nobody has asked for it yet."""
    session = inspect.getattr_static(instance, "httpsession", None)
    return session.shared if isinstance(session, SessionAttribute) else session


class SessionAttribute:
    """``httpsession``: of the class, for all its instances; of an instance, for this one only.

    Made when it is first asked for.
    """

    def __init__(self) -> None:
        self.shared: Any = None

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
        vars(instance)["httpsession"] = session
        return session


def _new_session() -> Any:
    import requests

    session = requests.Session()
    session.trust_env = False
    return session
