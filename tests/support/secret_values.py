"""The secrets that are hidden in the shapes of `secret_shapes` and `secret_outputs`."""

SECRET = "s3cr3t-V4lue"
ANOTHER = "Zx9/kQ?w#7pL"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
#: What must be gone: the secret itself, or the random part of a token.
RANDOM = "Q7vB2nX9kL4mT8pR1sW6yZ3cD5fG0hJ2aEuK"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{RANDOM}"

#: What must be gone from each text: the first of these that it contains.
_SECRETS = (
    SECRET,
    ANOTHER,
    HEX,
    RANDOM,
    RANDOM[:20],
    "493817",
    "QZ7XB2NV9KL4MT8P",
    "SyQ7vB2nX9kL",
    "a2FuZzpz",
    "czNjcjN0LVY0bHVl",
    "s3cr3t",
    "ab/cd",
    RANDOM.upper(),
    "4711",
    "1234-5678",
    "4938",
    "=493",
    " 493",
    "AGthbmcAczNj",
    "abandon ability",
    RANDOM[:14],
    RANDOM[:14].upper(),
    "9f86d081-884c",
)


def secret_in(text):
    """Return the secret that *text* contains."""
    return next(secret for secret in _SECRETS if secret in text)
