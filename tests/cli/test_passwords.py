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
    ("url", "arguments", "problem"),
    [
        ("https://host/", ["--user", "kang"], "there is a user without a password"),
        ("https://a:b@host/", ["--user", "kang"], "it has a user already"),
        ("file:///tmp/x", ["--user", "kang"], "it is for file, which has none"),
        ("https://host/", ["--user", "a", "--password-file", "/no/such"], "which cannot be read"),
        ("https://host/", ["--user", "a", "--password-file", "/dev/null"], "first line is empty"),
    ],
)
def test_what_cannot_work_is_said(url, arguments, problem):
    """Half of the credentials, two of them, or none that can be read end the command at once."""
    process = command("send", url, *arguments)
    assert process.returncode == 2
    assert problem in process.stderr.decode()
