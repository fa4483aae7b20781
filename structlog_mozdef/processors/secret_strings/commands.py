"""Secrets in strings that are known by their place: in a command, in a protocol, in a call.

Each pattern takes a time in proportion to the length of the string, whatever it contains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# Between two words of a command: in one string, or in the repr or JSON of a list.
_NEXT = r"(?:[ ]|\\{0,8}[\"'],[ ]?\\{0,8}[\"'])"
_WORDS = rf"\b[^\r\n]{{0,200}}?{_NEXT}"
_WORD = r"[^\s\"',]{1,200}"
_VALUE = r"(?![ -]|\[redacted\])(?!\\{0,8}\"?\$)(?:\\{0,8}[\"'])?(?:[^\s\"'\\]|\\(?!\\{0,8}[\"']))+"
_QUOTE = r"[bu]?\\{0,8}[\"']"
_TEXT = r"[^\"'\r\n]{0,200}"
# What is no word of a sentence.
_STRONG = r"(?:(?=[^\s\"'\\]{0,100}\d)[^\s\"'\\]{4,}|[^\s\"'\\]{16,})"

#: Found where the string in small letters has one of these -> the pattern: its first group is kept.
COMMANDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("curl",),
        (
            rf"(\b[Cc]url(?={_NEXT}){_WORDS}(?:-u{_NEXT}?|--(?:proxy-)?user(?:=|{_NEXT}))[\"']?"
            r"[^\s:\"']{1,100}:)[^\s\"']+"
        ),
    ),
    (
        ("sshpass", "login", "rdesktop", "mongo", "twine", "cqlsh", "cypher-shell", "mqadmin"),
        (
            rf"(\b(?:sshpass|(?:oc[ ]|(?:az|docker|nerdctl|podman|registry|skopeo){_NEXT})login"
            r"|rdesktop|twine(?=[ ])|cqlsh(?=[ ])|cypher-shell|rabbitmqadmin|mongodump(?=[ ])"
            rf"|mongo(?:export|import|restore|sh)){_WORDS}-p(?:=|{_NEXT})?){_VALUE}"
        ),
    ),
    (
        ("unzip", "sqlcmd", "ipmitool", "mosquitto_"),
        rf"(\b(?:unzip(?=[ ])|sqlcmd|ipmitool|mosquitto_(?:pub|rr|sub)){_WORDS}-P{_NEXT}?){_VALUE}",
    ),
    (
        ("mysql", "mariadb"),
        rf"(\b(?:mysql|mariadb-?)(?:admin|dump|import|show)?{_WORDS}-p){_VALUE}",
    ),
    (("ssh-keygen",), rf"(\bssh-keygen{_WORDS}-[NP]{_NEXT}){_VALUE}"),
    (("7z", "rar "), rf"(\b(?:7z[ar]?|(?:un)?rar)[ ][a-z][ ]-h?p){_VALUE}"),
    (
        ("ldap",),
        rf"(\bldap(?:add|modify|passwd|search){_WORDS}-w{_NEXT}){_VALUE}",
    ),
    (
        ("snmp",),
        rf"(\bsnmp(?:bulk)?(?:get|set|table|walk){_WORDS}-[cAX]{_NEXT}){_VALUE}",
    ),
    (("redis-cli",), rf"(\bredis-cli{_WORDS}-a{_NEXT}){_VALUE}"),
    (("smbclient",), rf"(\bsmbclient{_WORDS}-U{_NEXT}?[^\s%]{{1,60}}%)[^\s\"']+"),
    # Other programs of Samba.
    (("-u",), rf"({_NEXT}-U{_NEXT}?[\w.\\-]{{1,60}}%)[^\s\"']+"),
    # That of macOS for its keychain.
    (
        ("security ",),
        (
            r"(\bsecurity[ ](?:import|[a-z]{3,8}-[a-z-]{0,40}(?:keychain|password))\b"
            rf"[^\r\n]{{0,200}}?[ ]-[pPw][ ]){_VALUE}"
        ),
    ),
    (
        ("htpasswd",),
        rf"(\bhtpasswd{_NEXT}-\w{{0,9}}b\w{{0,9}}(?:{_NEXT}{_WORD}){{2}}{_NEXT}){_VALUE}",
    ),
    (
        ("rabbitmqctl",),
        (
            rf"(\brabbitmqctl{_WORDS}(?:add_user|authenticate_user|change_password)"
            rf"{_NEXT}{_WORD}{_NEXT}){_VALUE}"
        ),
    ),
    # Any other with a user and a password, -u user -p password. A port has no letter. For some, -p
    # means something else: what follows it is the database for mysql.
    (
        (" -p", "'-p", '"-p'),
        (
            r"(?m)^(?![^\r\n]*\b(?:journalctl|mariadb|mkdir|mysql))"
            rf"([^\r\n]*?(?<!sudo)(?<!exec)(?<!run){_NEXT}-(?:[uU]|-?user(?:name)?)(?:=|{_NEXT})"
            rf"{_WORD}{_NEXT}[^\r\n]{{0,200}}?(?<=[ \"'])-[pP]{_NEXT})"
            r"(?=[^\s\"']{0,100}\d)(?=[^\s\"']{0,100}[A-Za-z])(?!python\d|\[redacted\])"
            r"[^\s\"':/.~$,\\-][^\s\"':/]{5,}"
        ),
    ),
    # Of Poetry, MinIO, FreeRDP and Windows; a user of Redis.
    (
        ("http-basic.", "pypi-token."),
        (
            r"(\bconfig[ ](?:http-basic\.\S{1,60}[ ]\S{1,60}|pypi-token\.\S{1,60})[ ])"
            r"[^\s\"'-][^\s\"']*"
        ),
    ),
    (("mc alias set ",), r"(\bmc[ ]alias[ ]set(?:[ ][^\s\"']{1,200}){3}[ ])[^\s\"'-][^\s\"']*"),
    (("freerdp",), r"(freerdp[^\r\n]{0,200}?[ ]/p:)[^\s\"']+"),
    (
        ("net use ",),
        (
            r"(?i)(\bnet[ ]use[ ][^\r\n/]{1,100}?[ ](?:/user:[^\s\"']{1,100}[ ])?)"
            r"[^\s/*\"'\\][^\s\"']*(?=[ ]/|[ ]?\Z)"
        ),
    ),
    (("setuser ",), r"(?i)(\bsetuser[ ][^\r\n]{0,200}?[ ][\"']?>)[^\s\"'\\]+"),
    (("vault",), rf"(\bvault{_NEXT}login{_NEXT}){_STRONG}"),
    (
        ("chpasswd", "stdin", "sudo -s", "cryptsetup", "kinit", "openconnect", "passphrase-fd"),
        (
            r"(\becho[ ](?:-n[ ])?\\{0,8}[\"']?(?:[\w.-]{1,60}:)?)[^\s\"'|$:]+"
            r"(?=\\{0,8}[\"']?[ ]\|[ ][^\r\n|]{0,200}"
            r"(?:chpasswd|passwo?r?d[ -]-?-?stdin|sudo[ ]-S|cryptsetup|kinit|openconnect"
            r"|passphrase-fd))"
        ),
    ),
    (
        ("oracle:", "sqlplus", "sqlldr", "expdp", "impdp"),
        (
            r"(?i)((?:\b(?:(?:expdp|impdp)(?=[ ])|(?:sqlldr|sqlplus)\b)[^\r\n]{0,100}?[ ][\"']?"
            r"|\bjdbc:oracle:\w{2,6}:)[\w$#.-]{1,60}/)[^\s@\"']{1,100}(?=@|[ ]\w{1,20}=)"
        ),
    ),
    (
        ("securestring",),
        r"(?i)(\bConvertTo-SecureString(?:[ ]-\w{1,20}){0,3}[ ]\\{0,8}[\"'])[^\"'\r\n\\]+",
    ),
    (
        ("requirepass", "masterauth", "bindpw", "rootpw"),
        (
            r"(?i)(\b(?:requirepass|masterauth|bindpw|rootpw)[ \t]{1,8}(?:--\w{1,20}[ ])?[\"']?)"
            rf"(?!\[redacted\]){_STRONG}"
        ),
    ),
    # SMTP and IMAP; FTP and POP3; Redis.
    (
        ("auth",),
        (
            r"(\bAUTH(?:ENTICATE)?[ ](?:PLAIN|LOGIN|XOAUTH2)[ ])"
            r"(?=[A-Z+/]{0,100}[a-z\d=])[\w+/=]{8,}"
        ),
    ),
    (("pass ",), r"((?:[\"'>]|[>:][ ])PASS[ ])[^\s\"'\\]{4,}"),
    (("(auth ",), r"(\(AUTH[ ](?:[^\s()]{1,60}[ ])?)(?!\[redacted\])[^\s()]{4,}(?=\))"),
    (
        ('"auth',),
        r"(\"AUTH\\{0,8}\"[ ]\\{0,8}\"(?:[^\"\r\n]{1,100}\"[ ]\\{0,8}\")?)[^\"\r\n\\]+",
    ),
    (
        ("identified ", "password "),
        (
            r"(?i)(\b(?:alter|create|grant)[ ][^\r\n]{1,200}?[ ]identified[ ]"
            r"(?:with[ ]\w{1,40}[ ])?by[ ](?:password[ ])?'|\bpassword[ ]')[^'\r\n]+"
        ),
    ),
    # ...auth('user', 'password'), and the calls in tracebacks of PHP; ...password('x').
    (
        ("auth", ".login(", ".logon(", "pw_set(", "credentials("),
        (
            r"(?i)((?:auth(?:=?\(|=\[)|(?:authenticate|[.]log[io]n|pw_set|credentials)\()"
            rf"[ ]?{_QUOTE}{_TEXT}[\"'],[ ]?{_QUOTE})(?!\d{{1,3}}(?:\.\d{{1,3}}){{3}}\b){_STRONG}"
        ),
    ),
    (("password(",), rf"(?i)(\b(?:(?:hash|make)_)?password\({_QUOTE}){_STRONG}"),
    (
        ("mysqli",),
        (
            r"(?i)(\bmysqli(?:_connect|->[a-z_]{1,20})?\("
            rf"(?:{_QUOTE}{_TEXT}[\"'],[ ]?){{2}}{_QUOTE})[^\"'\r\n\\]+"
        ),
    ),
    (
        ("machine ",),
        r"(?i)(\bmachine[ ][^\s]{1,100}[ ]login[ ][^\s]{1,100}[ ]password[ ])[^\s]+",
    ),
)
# Programs of those that are also called without a shell.
_PROGRAMS = frozenset(
    [
        *("az", "curl", "docker", "htpasswd", "ipmitool", "ldapadd", "ldapmodify"),
        *("ldappasswd", "ldapsearch", "mongoexport", "mongoimport", "mongorestore", "mongosh"),
        *("mysql", "mysqladmin", "mysqldump", "mysqlimport", "podman", "rabbitmqctl", "rdesktop"),
        *("redis-cli", "smbclient", "snmpbulkwalk", "snmpget", "snmpset", "snmpwalk", "sqlcmd"),
        *("sqlplus", "sshpass", "vault"),
    ]
)


def is_command(words: Sequence[Any]) -> bool:
    """Return whether *words* are the name of such a program and its arguments, maybe after sudo."""
    return {str, *map(type, words)} == {str} and any(
        word.rpartition("/")[2] in _PROGRAMS for word in words[:2]
    )
