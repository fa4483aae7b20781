"""Which names are those of secrets: of keys in an event, and of parameters in a string."""

from __future__ import annotations

import functools
import re

# Compared with a name in lower case and without separators: X-API-Key and apiKey are one name.
_NAMES = (
    r"passw(or)?[dt]|motdepasse|passphrase|passcode|pwd$|(^|bind|root|user|db|admin)pw$|^pass$"
    r"|(db|user|admin|root|smtp|imap|ftp|mail|ldap|proxy|http|redis|pg|mysql|my|login)pass$"
    r"|secret|credential"
    r"|token$|tokens$|^token|accesstoken|refreshtoken|idtoken|csrf|xsrf"
    r"|authorization$|^auth$|(basic|http|proxy|user)auth$|^bearer$|cookie|sess(ion)?id$|sessionkey"
    r"|^sid$|jwt$|^pin$|^(card)?cv[cv]2?$|signature\d*$|clientassertion|^sig$"
    r"|^t?otp$|otpcode$|(onetime|verification|mfa|2fa|sms|security|recovery|backup)code"
    r"|(api|access|account|private|secret|signing|encryption|master|ssh|hmac|licen[cs]e|subscription"
    r"|functions?|shared|storage|auth|app|consumer|service)key|^key$"
    r"|connectionstring|^dsn$"
)
# Names that look like those of secrets, but are harmless: what is known about one.
_HARMLESS_NAMES = (
    r"^(token(type|count|s?used)|(max|min|prompt|completion|input|output|total|cached|num|n)tokens"
    r"|tokeni[sz].*|passwordless|cookiesenabled|secretar(y|ies|iat).*|(has|is|needs|requires?).*"
    r"|.*(policy|policies|changed|changedat|expired|expires|expire[sd]?(at|in|on)|expiry|age|length"
    r"|strength|count|type|required|rules|attempts|method|size|algorithm|enabled|name|field"
    r"|updatedat|createdat|lifetime|ttl|path|file|filename|url|uri|endpoint))$"
)
_SEPARATORS = str.maketrans("", "", "-_. :")


@functools.cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str]]:
    return re.compile(_NAMES), re.compile(_HARMLESS_NAMES)


def bare(name: str) -> str:
    """Return *name* in lower case and without separators."""
    return name.lower().translate(_SEPARATORS)


def is_secret_name(bare_name: str) -> bool:
    """Return whether the value under *bare_name*, a result of `bare`, is a secret."""
    secret, harmless = _compiled()
    return secret.search(bare_name) is not None and harmless.search(bare_name) is None
