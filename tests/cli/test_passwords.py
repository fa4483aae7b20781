"""Passwords of destinations need not stand in the URL, which everybody can read."""

import base64

import pytest
from support.receivers import Receiver
from support.running import command

PASSWORD = "pä/ss:w@rd?"


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def sent_with(*arguments, env=None):
    """Send one event; return the credentials that arrived, and the process."""
    with Receiver() as receiver:
        process = command("send", receiver.url, *arguments, text="hello\n", env=env)
        return [request.headers.get("authorization") for request in receiver.requests], process


@pytest.fixture
def password_file(tmp_path):
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\nanother line\n")
    return str(file)


def test_password_from_a_file(password_file):
    """The first line of the file is the password, with whatever characters."""
    credentials, process = sent_with("--user", "kang", "--password-file", password_file)
    assert set(credentials) == {basic("kang", PASSWORD)}, process.stderr


def test_password_from_the_environment():
    """The environment gives user and password."""
    env = {"MOZDEF_USER": "kang", "MOZDEF_PASSWORD": PASSWORD}
    assert set(sent_with(env=env)[0]) == {basic("kang", PASSWORD)}


def test_arguments_win(password_file):
    """What the command line says counts, and not the environment."""
    env = {"MOZDEF_USER": "bob", "MOZDEF_PASSWORD": "x"}
    credentials, _ = sent_with("--user", "kang", "--password-file", password_file, env=env)
    assert set(credentials) == {basic("kang", PASSWORD)}


def test_user_of_the_url_wins_over_the_environment():
    """A URL with a user of its own stays as it is."""
    env = {"MOZDEF_USER": "bob", "MOZDEF_PASSWORD": "x"}
    with Receiver() as receiver:
        url = receiver.url.replace("://", "://kang:secret@")
        command("send", url, text="hello\n", env=env)
        credentials = {request.headers.get("authorization") for request in receiver.requests}
    assert credentials == {basic("kang", "secret")}


def test_environment_is_for_destinations_with_users(tmp_path):
    """A file has no user: the environment does not matter to it."""
    env = {"MOZDEF_USER": "kang", "MOZDEF_PASSWORD": PASSWORD}
    process = command("send", f"file://{tmp_path}/out", text="hello\n", env=env)
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    ("given", "sent"),
    [("aWQ6c2VjcmV0\nmore\n", "aWQ6c2VjcmV0"), (" id:secret\n", "aWQ6c2VjcmV0")],
)
def test_api_key(given, sent, tmp_path):
    """An API key comes from a file or from the environment, in both forms; arguments win."""
    file = tmp_path / "key"
    file.write_text(given)
    others = {"MOZDEF_USER": "kang", "MOZDEF_PASSWORD": PASSWORD}
    from_file, _ = sent_with("--api-key-file", str(file), env=others)
    from_environment, _ = sent_with(env={"MOZDEF_API_KEY": given.splitlines()[0]})
    assert set(from_file) == set(from_environment) == {f"ApiKey {sent}"}


def test_a_user_wins_over_an_api_key_of_the_environment(password_file):
    """What the command line says counts."""
    arguments = ("--user", "kang", "--password-file", password_file)
    credentials, _ = sent_with(*arguments, env={"MOZDEF_API_KEY": "aWQ6c2VjcmV0"})
    assert set(credentials) == {basic("kang", PASSWORD)}


def test_a_key_and_a_user_in_the_environment():
    """Nobody can know which of them is meant, and neither is shown."""
    env = {"MOZDEF_API_KEY": "aWQ6c2VjcmV0", "MOZDEF_PASSWORD": PASSWORD}
    process = command("send", "https://host/", env=env)
    assert process.returncode == 2
    assert b"MOZDEF_API_KEY is set as well as" in process.stderr
    assert b"aWQ6" not in process.stderr


@pytest.mark.parametrize(
    ("url", "arguments", "problem"),
    [
        ("https://host/", ["--user", "kang"], "there is a user without a password"),
        ("https://a:b@host/", ["--user", "kang"], "it has a user already"),
        ("file:///tmp/x", ["--user", "kang"], "it is for file, which has none"),
        ("https://host/", ["--user", "a", "--password-file", "/no/such"], "which cannot be read"),
        ("https://host/", ["--user", "a", "--password-file", "/dev/null"], "first line is empty"),
        ("https://a:b@host/", ["--api-key-file", __file__], "it has a user"),
        ("file:///tmp/x", ["--api-key-file", __file__], "is none of HTTP"),
        ("https://host/", ["--api-key-file", "/no/such"], "which cannot be read"),
        ("https://host/", ["--api-key-file", __file__], "that is no API key"),
        ("https://host/", ["--api-key-file", "x", "--user", "kang"], "give one of them"),
    ],
)
def test_what_cannot_work_is_said(url, arguments, problem):
    """Half of the credentials, two of them, or none that can be read end the command at once."""
    process = command("send", url, *arguments)
    assert process.returncode == 2
    assert problem in process.stderr.decode()
