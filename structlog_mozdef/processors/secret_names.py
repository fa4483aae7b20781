"""Which names are those of secrets: of keys in an event, and of parameters in a string."""

from __future__ import annotations

import functools
import re
import unicodedata

# Compared with a name in lower case and without separators: X-API-Key and apiKey are one name.
_NAMES = (
    r"passw([o0]?r)?[dt]|motdepasse|^passe$|passphrase|passcode|pwd\d*$|^pass$"
    r"|kennwort|wachtwoord|contrasena|^senha$|passord|losenord|h[ae]slo$|^parola(chiave)?$|^sifre$"
    r"|salasana|adgangskode|^jelszo"
    r"|(^|bind|root|user|db|admin|mysql|pg|ldap|smtp|ftp|proxy)pw$"
    r"|(db|user|admin|root|smtp|imap|ftp|mail|ldap|proxy|http|redis|pg|mysql|my|login|ssh|sudo|become"
    r"|bind|sftp|vault|store|key|require|trust|default|app|api|amqp|mqtt|rabbit(mq)?|mongo|postgres|sql"
    r"|database|service|server|client|web|vpn|wifi|git|registry|repo|backup|sender|telnet|radius)pass$"
    r"|masterauth$"
    r"|secret|credential|creds$|(^|wifi|wpa)psk$|presharedkey|snmpcommunity|communitystring"
    r"|token$|tokens$|^token|accesstoken|refreshtoken|idtoken|csrf|xsrf"
    r"|authorization$|^auth$|(basic|http|proxy|user)auth$|^bearer$|cookie|sess(ion)?id$|sessionkey"
    r"|^(connect)?sid$|jwt$|^(card)?pin$|^(card)?cv[cv]2?$|signature\d*$|clientassertion|^sig$"
    r"|saml(response|assertion)$|^t?otp$|otpcode$"
    r"|(onetime|verification|mfa|2fa|sms|security|recovery|backup|auth|authorization|unlock)code"
    r"|codeverifier$|securityanswer|(seed|mnemonic)phrase"
    r"|(aes|api|access|account|private|secret|signing|encryption|master|ssh|hmac|licen[cs]e|subscription"
    r"|functions?|shared|storage|auth|app|deploy|consumer|service|unseal|fernet|cipher|jwt)key|^key$|clientkeydata"
    r"|connectionstring|dsn$"
)
# Names that look like those of secrets, but are harmless: what is known about one.
_HARMLESS_NAMES = (
    r"^(token(s?used|s?left|bucket|id)|tokens(in|out)|credentialid"
    r"|(max|min|prompt|completion|input|output|total|cached|num|n)tokens"
    r"|tokeni[sz].*|tokensper.*|sshkey(gen|scan)|passwordless.*|cookiesenabled|.*secretar(y|ies|iat).*|accesscontrol.*"
    r"|(has(?!h|lo)|is(?!su|ol)|needs|requires?).*"
    r"|.*(days|lastused|lastrotated|ref|refs|pullsecrets|policy|policies|changed|changedat|expired|expires|expire[sd]?(at|in|on)|expiry|age|length"
    r"|strength|count|type|required|requested|rules|attempts|method|size|algorithm|enabled|name|field"
    r"|updatedat|createdat|resetat|lifetime|ttl|path|file|filename|url|uri|endpoint|limit|version"
    r"|valid|invalid|failed|accepted|consent|ok|issuer|hasher|validator|error|exception|warning"
    r"|notfound|missing|acceptedat|manager))$"
)
#: The same in other alphabets, in small letters. Each is replaced wherever it is in a name.
FOREIGN_NAMES = (
    "\u043f\u0430\u0440\u043e\u043b",  # Russian, Ukrainian, Bulgarian
    "\u5bc6\u7801",  # Chinese
    "\u5bc6\u78bc",
    "\u53e3\u4ee4",
    "\u30d1\u30b9\u30ef\u30fc\u30c9",  # Japanese
    "\u6697\u8a3c\u756a\u53f7",
    "\ube44\ubc00\ubc88\ud638",  # Korean
    "\uc554\ud638",
)
_SEPARATORS = str.maketrans("", "", "-_. :")
# Letters of other alphabets that look like Latin ones; those with accents are decomposed.
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043a\u043e\u0440\u0441\u0443\u0445\u0456\u0455\u0458\u03b1\u03b5\u03b9\u03ba\u03bf\u03c1\u03c4\u0142",
    "aekopcyxisjaeikoptl",
)


@functools.cache
def _compiled() -> tuple[re.Pattern[str], re.Pattern[str]]:
    foreign = map(bare, FOREIGN_NAMES)
    return re.compile("|".join((_NAMES, *foreign))), re.compile(_HARMLESS_NAMES)


def bare(name: str) -> str:
    """Return *name* in lower case and without separators, in Latin letters where it looks so."""
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name.lower()).translate(_LOOKALIKES)
        name = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return name.lower().translate(_SEPARATORS)


def is_secret_name(bare_name: str) -> bool:
    """Return whether the value under *bare_name*, a result of `bare`, is a secret."""
    secret, harmless = _compiled()
    return secret.search(bare_name) is not None and harmless.search(bare_name) is None
