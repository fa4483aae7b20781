"""Most shapes of secrets are found, and hardly any harmless line is touched."""

import concurrent.futures
import importlib.util
import itertools

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.harmless_lines import HARMLESS, HARMLESS_NAMES
from support.secret_shapes import STRUCTURES, TEXTS
from support.secret_table import missed, redacted, table, touched, tried, written
from support.secret_values import SECRET

from structlog_mozdef import MozDefRenderer, Redactor
from structlog_mozdef.processors.secret_lines import line_look
from structlog_mozdef.processors.secret_names import bare, is_secret_name
from structlog_mozdef.processors.secret_searches import search_look
from structlog_mozdef.processors.secret_strings.formats import FORMAT_PARTS
from structlog_mozdef.processors.secret_strings.texts import NAME_PARTS, redact_text

MOST_MISSED = 0.05
MOST_TOUCHED = 0.02


def is_secret(name):
    return is_secret_name(bare(name))


def test_shapes_are_found():
    """Of more than 200 shapes of secrets, at most one in twenty gets through."""
    shapes = list(itertools.chain(*missed().values()))
    number = sum(tried().values())
    assert number >= 200
    assert len(shapes) <= MOST_MISSED * number, shapes


def test_harmless_lines_are_kept():
    """Of 200 harmless lines, at most one in fifty is touched."""
    assert len(HARMLESS) >= 200
    assert len(touched()) <= MOST_TOUCHED * len(HARMLESS), touched()


def test_table_in_the_documents_is_true():
    """The page on redaction says what was tried and found; see `secret_table` to write it."""
    assert written() == table()


def test_what_is_redacted_stays_as_it_is():
    """A second redactor, such as that of another handler, changes nothing."""
    once = [redacted(text) for text in itertools.chain(*TEXTS.values())]
    assert [text for text in once if redacted(text) != text] == []


@pytest.mark.parametrize("name", HARMLESS_NAMES)
def test_harmless_name_is_kept(name):
    """A name that only looks like that of a secret, or that tells something about one, is kept."""
    assert redacted("value", name) == "value"


@pytest.mark.parametrize("value", STRUCTURES, ids=repr)
def test_secret_is_found_again(value):
    """A second event with the same names is searched as the first was."""
    redactor = Redactor()
    for _ in range(3):
        event = redactor(None, "info", {"field": value})
        assert SECRET.encode() not in MozDefRenderer()(None, "info", event)


@pytest.mark.parametrize(
    "value",
    [
        ["docker", "run", "-p", "8080:80", "nginx"],
        ["mysql", "-u", "root", "-p"],
        ["ldapsearch", "-x", "-W", "-D", "cn=admin"],
        ["ssh", "-p", "2222", "db"],
        {"kty": "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM", "e": "AQAB"},
        [{"type": "int_parsing", "loc": ("body", "port"), "msg": "no integer", "input": "abc"}],
    ],
    ids=repr,
)
def test_harmless_structure_is_kept(value):
    """A command without a secret, a public key or an error about another field stays as it is."""
    assert redacted(value) == value


def are_seen_in_a_line(text):
    """What each look at a rendered event says."""
    line = orjson.dumps({"details": {"author": text, "key_size": "basic"}, "summary": "a token"})
    return {look.__module__: look(line) for look in (search_look, line_look() or search_look)}


def test_looks_find_what_the_patterns_find():
    """Each text in which a secret is found has a hint, whatever looks for it."""
    texts = itertools.chain(*TEXTS.values())
    found = [text for text in texts if redact_text(text, is_secret) != text]
    assert [text for text in found if not all(are_seen_in_a_line(text).values())] == []


SPACES = [character for character in map(chr, range(0x10000)) if character.isspace()]
RARE_FORMS = [
    *(f"a{space}--db-password x1234567" for space in SPACES),
    *(f'<userPassword{space}type="a">x1234567</b>' for space in SPACES),
    '<db:token a="b"><![CDATA[x1234567]]>',
    *("session--id=x1234567", "connect._.sid=x1234567", "recovery--code: x1234567"),
    *("security__answer: x1234567", "security_answer_1=x1234567", "snmp_community_ro=x1234567"),
    *("communityStringRW: x1234567", "a -codeverifier x1234567", "gsk__" + "x1" * 10),
    *("oc login -p x1234567", "podman\tlogin a nerdctl login -px12345", "ENV A1_SECRET x1234567"),
    *("tacacs\x01 key 7 0822455D", "a -u b --c d -P x1234567", "a --user=b -p x1234567"),
    *("password 5 x\x011234567", "make_password(u'x1234567')", "setuser a on '>x1234567"),
    *("wachtwoord\u00e9\uff1ax1234567", "secret\u3000\uff1ax1234567", "token\xa0\uff1dx1234567"),
]


@pytest.mark.parametrize("text", RARE_FORMS, ids=ascii)
def test_looks_find_rare_forms(text):
    """A secret has a hint whatever the spaces, joints and endings of the name before it."""
    assert redact_text(text, is_secret) != text
    assert all(are_seen_in_a_line(text).values()), are_seen_in_a_line(text)


USUAL = [
    "Failed password for root from 10.0.0.7 port 51022 ssh2",
    "pam_unix(sshd:auth): authentication failure; logname= uid=0 tty=ssh rhost=10.0.0.7",
    '10.0.0.7 - kang [26/Nov/2026:07:21:40 +0000] "GET /orders?page=3 HTTP/1.1" 200 512 "-"',
    "Accepted publickey for kang from 10.0.0.7 port 51022 ssh2: RSA SHA256:abcdefghijk",
    "SELECT id, name FROM orders WHERE customer_id = 5 AND status = 'open' ORDER BY created_at",
    "File \"/srv/app/views.py\", line 214, in price\n    total = prices[item]\nKeyError: 'boots'\n",
    "arn:aws:iam::123456789012:role/admin",
    "kang@example.com",
    "kang : TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx",
    "root : PWD=/ ; USER=root ; COMMAND=/bin/ls",
    "mail from https://example.com/orders to kang@example.com",
    "https://shop.example.com/orders/5/items?page=3&sort=price&lang=en",
    '<p class="main">Forgot your password?</p><a href="https://example.com/x?a=1">x</a>',
    "tar -xzf archive.tgz -C /srv/app --strip-components=1",
    "default-src 'self'; script-src 'self' https://cdn.example.com; style-src 'unsafe-inline'",
    "\u7528\u6237\u767b\u5f55\uff1a3",
]


@pytest.mark.parametrize("text", USUAL, ids=ascii)
def test_looks_pass_usual_text(text):
    """What many events have is no hint: their log calls pay for one look and no pattern."""
    assert not any(are_seen_in_a_line(text).values()), are_seen_in_a_line(text)


# What patterns and looks are made of, and what JSON escapes. (The separators are "~".)
PIECES = [
    *NAME_PARTS,
    *FORMAT_PARTS,
    *r"""bearer~basic~digest~negotiate~apikey~code is ~codes is ~otp is ~curl ~sshpass~ login~mysql
    """.strip().split("~"),
    *r"""identified ~password ~machine ~ is your ~code~redis-cli -a ~smbclient -U a%
    """.strip().split("~"),
    *r"""form-data; name=~&quot;~&lt;~&gt;~\\u003d~ -> ~&x ~[\"~(\"~:\\/\\/~%40~%3A~%2F%2F
    """.strip().split("~"),
    *("a@b:", "one-time password", "setx ", "config set "),
    *r"""="~='~": "~': '~\"~\\~', '~=>~:=~==~ = ~</~<~>~ --~ -~--~-~_~.~/~?~&~#~=~:~,~;~"~'~ ~[~]~[]
    """.strip().split("~"),
    *r"""bearer ~Cookie~Authorization:~pass_word~session-id~api~one_time~ation~my_~x-~://~a://~@~%3D
    """.strip().split("~"),
    *r"""%253a~%22~%5b~%5D~one-time code~access ~ code is ~!!str ~SecretStr(~: str = ~<x:~ name="~/>
    """.strip().split("~"),
    *r""" value="~curl -u a:~ -p~docker login ~IDENTIFIED BY '~Password '
    """.strip().split("~"),
    *("basic\t", "\t:", "\n", "Private-Lines: 1\n", "|\n  ", "-----BEGIN PRIVATE KEY-----"),
    *("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", "Set-Cookie: ", "machine a login b password "),
    *("\u212aey", "\x00", "\x1f", "\x85", "\xa0", "\u2003", "\u20ac", "\u00e9", "\U0001f511"),
    *("\uff1a", "\uff1d", "\u3000"),
    # Of commands, protocols, calls and SQL.
    *(" -P ", " -w ", " -a", " -u ", "unzip", "ldapsearch", "7z x ", "htpasswd -b f a ", "curl"),
    *("vault login ", "echo ", " | chpasswd", "sudo -S", "jdbc:oracle:thin:a/", "sqlplus "),
    *(
        "', '",
        '", "',
        '","',
        'To-SecureString "',
        "requirepass ",
        "bindpw ",
        "rabbitmqctl add_user a ",
    ),
    *("AUTH PLAIN ", "(AUTH ", '"AUTH" "', "> PASS ", "auth=('a', '", "mysqli_connect('a', 'b', '"),
    *("insert into a (b, ", ") values ('c', '", "[parameters: (", "is generated for a: "),
    # Names and values apart, and some formats.
    *('{"name": "', '"value": "', ",value=", " value: ", "- name: ", "--name ", " --value "),
    *("secret set ", " --body ", "SetEnv ", '<<"', "{", "}", "</key><string>", ": {", "\n- "),
    *(
        "\n  a input_value='",
        'string(5) "',
        ";password=a b;",
        '"kty"',
        '"d": "',
        "$6$",
        "$",
        "a-us1",
    ),
    # Of commands and calls with a user, routers, Dockerfiles.
    *(
        " -u a -p ",
        " --user=a ",
        "-U a ",
        " -N ",
        "ssh-keygen",
        "mariadb ",
        "mosquitto_pub",
        "twine ",
    ),
    *(
        "oc login ",
        "skopeo",
        " login ",
        "config http-basic.a b ",
        "mc alias set a b c ",
        "freerdp /p:",
    ),
    *(
        "net use a ",
        " /user:a ",
        "setuser a >",
        "ENV A_",
        "config --set ",
        "secrets set ",
        "password(",
    ),
    *("login('a', '", "credentials(", "secret 5 ", "radius", " key ", "snmp-server community "),
    *(
        "password 7 ",
        "passphrase ",
        "cqlsh",
        "cypher-shell",
        "rabbitmqadmin",
        "buildah",
        "deploy_key",
    ),
    *("reset/a/", "a1b2c3-", "/services/T1234567/B1234567/", "123456789:AA", "unseal key: "),
    *("seed phrase: ", "abandon ability able ", "9f86d081884c7d659a2feaa0c55ad015"),
    *("x", "hunter2", "Zx9kQw7pL2mN8vB4Zx9kQw7pL2mN8vB4", "QZ7XB2NV9KL4MT8P", "12345678"),
]


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.sampled_from(PIECES), min_size=2, max_size=8).map("".join), st.booleans())
def test_looks_find_whatever_the_patterns_find(text, in_capitals):
    """No text that the patterns would change passes a look: neither as it is, nor in a line."""
    text = text.upper() if in_capitals else text
    if redact_text(text, is_secret) != text:
        assert all(are_seen_in_a_line(text).values()), are_seen_in_a_line(text)


def test_hints_are_found_by_hyperscan():
    """The tests have hyperscan, where there is one: both looks are tried."""
    assert (line_look() is None) == (importlib.util.find_spec("hyperscan") is None)


def test_scans_of_several_threads():
    """Threads that look at the same time do not disturb each other."""
    line = b"a b " * 20_000
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(line_look() or (lambda _: False), [line] * 200))
