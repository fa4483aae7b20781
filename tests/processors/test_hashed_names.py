"""A value that must not be read, but must be recognized again, becomes the same token each time."""

import pickle

import pytest

from structlog_mozdef import Redactor

KEY = b"a key for tests, long enough"
OTHER_KEY = b"another key for tests"


def hashed(value, key=KEY, name="username"):
    redactor = Redactor(hash_names=["user_name"], hash_key=key)
    return redactor(None, "info", {name: value})[name]


def test_same_value_has_the_same_token():
    """Two redactors with one key, as in two processes, make one token of one value."""
    assert hashed("kang") == hashed("kang", name="userName")
    assert hashed("kang").startswith("hash:")


def test_bytes_and_string_have_one_token():
    """A name in bytes is that name."""
    assert hashed(b"kang") == hashed("kang")


@pytest.mark.parametrize(("value", "key"), [("bob", KEY), ("kang", OTHER_KEY)])
def test_other_value_or_key_has_another_token(value, key):
    """Another value, and another key, give another token."""
    assert hashed(value, key) != hashed("kang")


def test_value_cannot_be_read():
    """The token does not contain the value, nor the repr of the redactor the key."""
    assert "kang" not in hashed("kang")
    assert "tests" not in repr(Redactor(hash_names=["a"], hash_key=KEY))


def test_other_secrets_are_replaced():
    """What is a secret is still replaced, and so is an object under a hashed name."""
    redactor = Redactor(hash_names=["username"], hash_key=KEY)
    event = redactor(None, "info", {"password": "x", "username": {"a": "b"}})
    assert event == {"password": "[redacted]", "username": "[redacted]"}


def test_token_in_a_mapping():
    """Hashed names are found at any depth, and after a pickle."""
    redactor = pickle.loads(pickle.dumps(Redactor(hash_names=["username"], hash_key=KEY)))
    event = redactor(None, "info", {"a": [{"username": "kang"}]})
    assert event == {"a": [{"username": hashed("kang")}]}


@pytest.mark.parametrize(
    "pair", [("username", "kang1234"), ["--username", "kang1234"], [("username", "kang1234")]]
)
def test_token_in_a_pair(pair):
    """A value after its name in a list has the token that it has under its name."""
    redactor = Redactor(hash_names=["username"], hash_key=KEY)
    event = redactor(None, "info", {"field": pair})
    assert hashed("kang1234") in str(event)
    assert "kang1234" not in str(event)


@pytest.mark.parametrize("key", [None, b"short", "a string is not a key", 5])
def test_key_is_needed(key):
    """Names to hash need a key that cannot be guessed; the error does not show it."""
    with pytest.raises(ValueError, match=r"hash_key is .*; it must be 16 bytes or more") as raised:
        Redactor(hash_names=["username"], hash_key=key)
    assert "short" not in str(raised.value)
