"""What stands behind the name of a secret: the secret, or what only tells of it."""

from __future__ import annotations

import re

from structlog_mozdef.processors.secret_strings.formats import REDACTED

# Words that tell of a secret in its place.
_WORDS = frozenset(
    [
        *("absent", "accepted", "and", "argument", "basic", "bearer", "blank", "bytes"),
        *("cannot", "changed", "chauthtok", "complete", "completed", "created", "creating"),
        *("creation", "declined", "deleted", "deleting", "denied", "deprecated", "destroying"),
        *("destruction", "disabled", "done", "empty", "enabled", "expected", "expired"),
        *("expires", "failed", "false", "field", "finished", "flag", "forbidden", "found"),
        *("generated", "granted", "has", "include", "included", "incorrect", "invalid", "is"),
        *("issued", "loaded", "locked", "malformed", "mismatch", "mismatched", "missing"),
        *("modifying", "must", "no", "none", "not", "null", "off", "ok", "omit", "on"),
        *("option", "optional", "or", "parameter", "passed", "pending", "present", "provided"),
        *("reading", "ready", "redacted", "refresh", "refreshed", "refreshing", "rejected"),
        *("required", "reset", "revoked", "rotated", "rotation", "sent", "should", "signature"),
        *("skipped", "started", "str", "strict", "string", "succeeded", "success"),
        *("successful", "this", "too", "true", "unavailable", "undefined", "unknown", "unset"),
        *("updated", "valid", "validated", "validation", "verified", "was", "will", "wrong"),
        "yes",
    ]
)
# What stands for a secret: ***, <hidden>, [FILTERED], %s, $1, ${NAME}, os.environ[, Optional[str],
# a call, another variable. No secrets either: an identifier of Windows, a public key.
_PLACEHOLDER = re.compile(
    r"[*.#x\u2022-]{3,}|[^\w\s]{1,2}|[<\[({](?:filtered|hidden|masked|none|redacted|removed)[>\])}]"
    r"|<[a-z_ -]+>|%(?:\(\w+\))?[sr]|\$\d{1,2}|\$[A-Z_]{3,}|\$\{{1,2}[\w .:-]*\}{0,2}|\{\{.*"
    r"|(?:[a-z_]\w*\.)*(?:environ|getenv)[(\[].*|(?:[a-z_]+\.)*[a-z_]+\(.*|optional\[.*"
    r"|(?:args|config|options|os|request|self|settings)\.[a-z_.]+[),]?|[a-z_]+=\d{1,9}"
    r"|(?:invalid|is|must|not|too)[_-][a-z_-]+|\((?:known|sensitive)|(?:alg|aud|exp|iss|kid|sub|typ)=.*"
    r"|(?:(?:rsa|dsa|ecdsa|hmac)[-_])?sha[-_]?\d{1,3}"
    # Where it is kept, and what a build mounts.
    r"|(?:env|fd|file):[\w./~-]+|id=[\w.-]+,src=.*"
    r"|S-1(?:-\d+)+|(?:ecdsa-|md5:|sha256:|ssh-).*",
    re.IGNORECASE,
)
# Names of many other things: their values have to look like secrets.
_WEAK_NAMES = frozenset({"auth", "key", "pin", "pw", "sid", "sig", "signature"})
#: What looks like a secret: four characters with a digit, or sixteen.
STRONG_VALUE = re.compile(r"(?=\S*\d)\S{4,}|\S{16,}|[(\[].*\d.*", re.DOTALL)
# An array of sentences, such as the errors of a form.
_SENTENCES = re.compile(r"\w\s+\w")
_CACHE_KEY = re.compile(r"[a-z][a-z_-]{1,30}[:/](?!\S{32})")
# Numbers that say how many.
_SHORT_NUMBER = re.compile(r"\d{1,3}[\])}>.]*")
_SHORT_SECRETS = ("cvc", "cvv", "cvv2", "pin")
_FOLDER = re.compile(r"/[\w.-]*(?:/|$)")
_FILE_NAME = re.compile(r"\.(?:c|cfg|css|go|html?|ini|java|jsx?|json|log|php|py|rb|rs|tsx?|txt)$")


def tells_of_secret(value: str) -> bool:
    """Return whether *value* is a word or a placeholder in the place of a secret."""
    return value.lower() in _WORDS or _PLACEHOLDER.fullmatch(value) is not None


def is_secret_value(name: str, value: str) -> bool:
    """Return whether *value* in a string is a secret, with the name of one before it."""
    lowered = value.lower()
    last_name = re.split(r"[.-]", name.lower())[-1]
    return not (
        lowered.rstrip("]})>.:") in _WORDS
        or lowered.partition(" ")[0] in _WORDS
        or _PLACEHOLDER.fullmatch(value) is not None
        or value.startswith(REDACTED)
        or (name.lower() in _WEAK_NAMES and STRONG_VALUE.match(value) is None)
        # key=user:5:profile of a cache
        or (name.lower() == "key" and _CACHE_KEY.match(value) is not None)
        # token: 5 of 10, tokens: 4096
        or (not last_name.endswith(_SHORT_SECRETS) and _SHORT_NUMBER.fullmatch(value) is not None)
        or (("tokens" in last_name or name[-1:] in "sS") and value.rstrip("]})>.").isdigit())
        # token=token)
        or lowered.rstrip("),") == last_name
        or (value[0] in "[(" and _SENTENCES.search(value) is not None)
        or _FILE_NAME.search(name) is not None
        # The shell's folder, in each line of sudo.
        or (name.lower() in {"pwd", "oldpwd"} and _FOLDER.match(value) is not None)
    )
