"""Shapes in which secrets appear in events, and harmless values that look similar.

``test_secret_shapes`` tries them all; the table in docs/redaction.rst is made of its results.
"""

import json

SECRET = "s3cr3t-V4lue"
ANOTHER = "Zx9/kQ?w#7pL"
HEX = "9f86d081884c7d659a2feaa0c55ad015"
#: What must be gone: the secret itself, or the random part of a token.
RANDOM = "Q7vB2nX9kL4mT8pR1sW6yZ3cD5fG0hJ2aEuK"
JWT = f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{RANDOM}"

NAMES = [
    "password",
    "Password",
    "user_password",
    "passwd",
    "db-passphrase",
    "db_pass",
    "basic_auth",
    "secret",
    "clientSecret",
    "SECRET_KEY",
    "token",
    "access_token",
    "refreshToken",
    "id_token",
    "csrf_token",
    "X-CSRF-Token",
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "X-API-Key",
    "apiKey",
    "api.key",
    "private_key",
    "ssh.key",
    "sessionid",
    "session_key",
    "jwt",
    "otp",
    "pin",
    "cvv",
    "one_time_code",
    "verification_code",
    "totp",
    "mfa_code",
    "credentials",
    "dsn",
    "connection_string",
    "signing_key",
    "encryption_key",
    "aws_secret_access_key",
    "pgpassword",
    "auth",
    "bearer",
    "pwd",
    "pass",
    "passcode",
    "client_credentials",
    "webhook_secret",
    "hmac_key",
    "smtp_pass",
]

#: What the table calls it -> strings with a secret.
TEXTS = {
    "settings and parameters": [
        f"password={SECRET}",
        f"password = {SECRET}",
        f"password =  {SECRET}",
        f"password   =   {SECRET}",
        f"password: {SECRET}",
        f"Password:{SECRET}",
        f"PASSWORD={SECRET}",
        f"passwd={SECRET}",
        f"pwd={SECRET}",
        f"Pwd={SECRET};Server=db",
        f"Server=db;Uid=kang;Password={SECRET};",
        f"db_pass={SECRET}",
        f"smtp_pass: {SECRET}",
        f"passphrase={SECRET}",
        f"secret={SECRET}",
        f"client_secret={SECRET}",
        f"client-secret: {SECRET}",
        f"SECRET_KEY='{SECRET}'",
        f'SECRET_KEY="{SECRET}"',
        f"SECRET_KEY={SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"aws_secret_access_key = {SECRET}",
        f"token={SECRET}",
        f"token: {SECRET}",
        f"accessToken={SECRET}",
        f"access_token={SECRET}",
        f"refresh-token={SECRET}",
        f"id_token={SECRET}",
        f"csrftoken={SECRET}",
        f"api_key={SECRET}",
        f"apikey: {SECRET}",
        f"api-key={SECRET}",
        f"X-API-Key: {SECRET}",
        f"private_key={SECRET}",
        f"access_key={SECRET}",
        f"AccountKey={SECRET}",
        f"SharedAccessKey={SECRET}",
        f"signing_key={SECRET}",
        f"encryption_key: {SECRET}",
        f"sessionid={SECRET}",
        f"session_id: {SECRET}",
        f"PHPSESSID={SECRET}",
        f"JSESSIONID={SECRET}",
        f"jwt={SECRET}",
        f"auth={SECRET}",
        f"basic_auth={SECRET}",
        f"PGPASSWORD={SECRET} psql -h db",
        f"MYSQL_PWD={SECRET} mysql",
        f"mysql --password={SECRET} -u root",
        f"curl --token {SECRET} example.com",
        f"tool --password {SECRET} run",
        f"tool --api-key {SECRET}",
        f'password="my {SECRET}"',
        f"password='my {SECRET}'",
        f'password = "{SECRET}"',
        f"password=>{SECRET}",
        f"'password' => '{SECRET}'",
        f":password => '{SECRET}'",
        f"password := {SECRET}",
        f"credentials={SECRET}",
        f"user=kang password={SECRET} host=db",
        f"host=db user=kang password='{SECRET}'",
        f"<password>{SECRET}</password>",
        f"<Token>{SECRET}</Token>",
        "otp=493817",
        "otp: 493817",
        "totp=493817",
        "verification_code=493817",
        "one-time code: 493817",
        "pin=493817",
        "mfa_code: 493817",
    ],
    "URLs": [
        f"https://kang:{SECRET}@example.com/",
        f"https://kang:{ANOTHER}@example.com/",
        "https://kang:ab/cd@example.com/",
        "https://kang:ab?s3cr3t@example.com/",
        "https://kang:ab#s3cr3t@example.com/",
        f"redis://:{SECRET}@example.com/0",
        f"amqp://a:{SECRET}@h1:5672,h2:5672/",
        f"postgresql://kang:{SECRET}@db:5432/shop",
        f"postgresql+psycopg://kang:{SECRET}@db/shop",
        f"mysql://root:{SECRET}@127.0.0.1/mysql",
        f"mongodb+srv://kang:{SECRET}@cluster0.example.net/?w=1",
        f"ftp://kang:{SECRET}@example.com",
        f"smtp://kang:{SECRET}@mail.example.com:587",
        f"cannot open https://kang:{SECRET}@example.com/: refused",
        f"https://{SECRET * 2}@github.com/a/b",
        f"https://x-access-token:{SECRET}@github.com/a/b.git",
        f"https://{HEX}@o1.ingest.sentry.io/2",
        f"/login?token={SECRET}&next=/",
        f"/login?next=/&token={SECRET}",
        f"https://example.com/?key={SECRET}",
        f"https://example.com/?a=b&key={SECRET}",
        f"https://example.com/?sid={SECRET}",
        f"https://example.com/?a=b&sid={SECRET}",
        f"https://example.com/?a=b&api_key={SECRET}",
        f"https://example.com/?apikey={SECRET}",
        f"https://example.com/?access_token={SECRET}",
        f"https://example.com/#access_token={SECRET}",
        f"https://example.com/?sig={SECRET}",
        f"https://example.com/?X-Amz-Signature={SECRET}",
        f"https://example.com/?X-Amz-Security-Token={SECRET}",
        f"https://a.blob.core.windows.net/c?sv=1&sig={SECRET}",
        f"https://example.com/?password={SECRET}",
        f"https://example.com/?pwd={SECRET}",
        f"https://example.com/?auth={SECRET}",
        f"https://example.com/?code={SECRET}",
        f"https://example.com/cb?state=1&code={SECRET}",
        f"https://example.com/?jwt={SECRET}",
        f"https://example.com/?session_id={SECRET}",
        f"https://example.com/?client_secret={SECRET}",
        f"GET /?token={SECRET} HTTP/1.1",
        f"https://example.com/?a=b&amp;token={SECRET}",
        f"https://example.com/reset?reset_token={SECRET}",
        f"https://example.com/?password%3D{SECRET}",
        f"https://hooks.slack.com/services/T0000000/B0000000/{RANDOM}",
        f"https://discord.com/api/webhooks/1234567890/{RANDOM}",
    ],
    "headers": [
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        f"Authorization: ApiKey {SECRET}",
        f"Authorization: token {SECRET}",
        f"Authorization: Token {SECRET}",
        f"Authorization: Digest username=a, response={SECRET}",
        f"Authorization: Negotiate {SECRET}",
        f"Authorization: {SECRET}",
        f"Proxy-Authorization: Basic {SECRET}",
        f"Authorization=Bearer {SECRET}",
        f"'Authorization': 'Bearer {SECRET}'",
        f'"Authorization": "token {SECRET}"',
        f"curl -H 'Authorization: Bearer {SECRET}' example.com",
        f"Cookie: a=b; session={SECRET}",
        f"cookie: session={SECRET}",
        f"Set-Cookie: session={SECRET}; HttpOnly",
        f"'Cookie': 'a=b; session={SECRET}'",
        f"{{'Set-Cookie': 'session={SECRET}; Path=/'}}",
        f"X-Auth-Token: {SECRET}",
        f"X-CSRF-Token: {SECRET}",
        f"X-Api-Key: {SECRET}",
        f"PRIVATE-TOKEN: {SECRET}",
        f"X-Vault-Token: {SECRET}",
        f"x-amz-security-token: {SECRET}",
        f"sent with Bearer {SECRET}",
        "sent with Basic a2FuZzpzM2NyM3Q=",
        f"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {SECRET}\r\n",
        f"GET / HTTP/1.1\r\nCookie: a={SECRET}\r\nHost: a\r\n",
    ],
    "JSON and reprs in a text": [
        json.dumps({"password": SECRET}),
        json.dumps({"a": 1, "password": SECRET, "b": 2}),
        json.dumps({"password": SECRET}, separators=(",", ":")),
        json.dumps({"password": f'ab"{SECRET}'}),
        json.dumps({"password": f"ab\\{SECRET}"}),
        json.dumps({"a": json.dumps({"password": SECRET})}),
        json.dumps({"a": json.dumps({"password": f'ab"{SECRET}'})}),
        json.dumps({"a": json.dumps({"token": SECRET, "b": 1})}),
        json.dumps({"db_pass": SECRET}),
        json.dumps({"apiKey": SECRET}),
        json.dumps({"client_secret": SECRET}),
        json.dumps({"SecretAccessKey": SECRET}),
        json.dumps({"SessionToken": SECRET}),
        json.dumps({"private_key": SECRET}),
        json.dumps({"otp": "493817"}),
        json.dumps({"pin": 493817}),
        json.dumps({"auth": SECRET}),
        json.dumps({"credentials": SECRET}),
        json.dumps({"url": f"https://a:{SECRET}@b"}),
        json.dumps({"headers": {"Authorization": f"Bearer {SECRET}"}}),
        repr({"password": SECRET}),
        repr({b"password": SECRET.encode()}),
        repr({"password": f"it's {SECRET}"}),
        repr([("password", SECRET)]),
        f"Login(user='kang', password='{SECRET}')",
        f"Login(user='kang', token={SECRET!r})",
        f"failed for {{'user': 'kang', 'passwd': '{SECRET}'}}",
        f"password: !!str {SECRET}",
    ],
    "keys and tokens by their formats": [
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{SECRET}\n-----END OPENSSH PRIVATE KEY-----",
        f"-----BEGIN EC PRIVATE KEY-----\\n{SECRET}\\n-----END EC PRIVATE KEY-----",
        f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{SECRET}",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{SECRET}\n-----END PGP PRIVATE KEY BLOCK-----",
        f"PuTTY-User-Key-File-3: ssh-rsa\nPrivate-Lines: 1\n{SECRET}",
        "found AKIA" + "QZ7XB2NV9KL4MT8P here",
        "ASIA" + "QZ7XB2NV9KL4MT8P",
        "ghp_" + RANDOM,
        "gho_" + RANDOM,
        "ghu_" + RANDOM,
        "ghs_" + RANDOM,
        "ghr_" + RANDOM,
        "github_pat_11ABCDEFG0" + RANDOM,
        "glpat-" + RANDOM[:20],
        "gldt-" + RANDOM[:20],
        "xoxb-123456789012-123456789012-" + RANDOM[:24],
        "xoxp-123456789012-" + RANDOM[:24],
        "xapp-1-A0-" + RANDOM[:24],
        "sk_live_" + RANDOM[:24],
        "sk_test_" + RANDOM[:24],
        "rk_live_" + RANDOM[:24],
        "whsec_" + RANDOM[:24],
        "AIza" + "SyQ7vB2nX9kL4mT8pR1sW6yZ3cD5fG0hJ2a",
        "ya29." + RANDOM,
        "GOCSPX-" + RANDOM[:28],
        JWT,
        f"refused {JWT} as it is too old",
        "npm_" + RANDOM,
        "pypi-AgEIcHlwaS5vcmc" + RANDOM,
        "SG." + RANDOM[:22] + "." + RANDOM + RANDOM[:7],
        "dop_v1_" + HEX * 2,
        "hvs." + RANDOM,
        "sk-ant-" + RANDOM,
        "sk-proj-" + RANDOM,
    ],
    "code, commands, SQL, markup": [
        f"export DB_PASSWORD={SECRET}",
        f"set PASSWORD={SECRET}",
        f"-e MYSQL_ROOT_PASSWORD={SECRET}",
        f"ENV API_TOKEN {SECRET}",
        f"docker login -u kang -p {SECRET}",
        f"mysql -ukang -p{SECRET}",
        f"sshpass -p {SECRET} ssh host",
        f"curl -u kang:{SECRET} https://example.com",
        f"curl --user kang:{SECRET} https://example.com",
        f"wget --http-password={SECRET} u",
        f"net use \\\\srv\\share {SECRET} /user:kang",
        f"password is {SECRET}",
        f"Password = '{SECRET}';",
        f'$password = "{SECRET}";',
        f"const apiKey = '{SECRET}';",
        f"let token: string = '{SECRET}'",
        f"os.environ['SECRET_KEY'] = '{SECRET}'",
        f'config["password"] = "{SECRET}"',
        f'password => "{SECRET}",',
        f"--password='{SECRET}'",
        f'{{"user":"kang","pass":"{SECRET}"}}',
        f'{{"auth":{{"password":"{SECRET}","method":"x"}}}}',
        f'{{\\"password\\":\\"{SECRET}\\"}}',
        f"{{'token': b'{SECRET}'}}",
        f"{{password: '{SECRET}'}}",
        f"Session(id=5, access_token=SecretStr('{SECRET}'))",
        f'<input type="password" name="password" value="{SECRET}">',
        f'<add key="password" value="{SECRET}"/>',
        f'<property name="password">{SECRET}</property>',
        f"<ns:Password>{SECRET}</ns:Password>",
        f'<password type="plain">{SECRET}</password>',
        f'<wsse:Password Type="x">{SECRET}</wsse:Password>',
        f"https://example.com/login;jsessionid={SECRET}",
        f"https://example.com/#id_token={SECRET}&x=1",
        f"https://example.com/?X-Amz-Credential=a&X-Amz-Signature={RANDOM}",
        f"https://api.telegram.org/bot123456789:{RANDOM}/getMe",
        f"https://user:{SECRET}%40x@host/",
        f"jdbc:mysql://db/x?user=a&password={SECRET}",
        f"jdbc:oracle:thin:kang/{SECRET}@db:1521/x",
        f"Data Source=db;User Id=a;Password='{SECRET}';",
        f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={SECRET}==;EndpointSuffix=x",
        f"Endpoint=sb://a/;SharedAccessKeyName=b;SharedAccessKey={SECRET}=",
        f"mongodb://kang:{SECRET}@h1:1,h2:2/?x=1",
        f"ldap_bind_password: {SECRET}",
        f"bindpw {SECRET}",
        f"Proxy-Authorization: Basic {RANDOM}",
        f"X-Amz-Security-Token: {RANDOM}",
        f"Authorization : Bearer {SECRET}",
        f"authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature={RANDOM}",
        f"X-Shopify-Access-Token: {SECRET}",
        f"Ocp-Apim-Subscription-Key: {SECRET}",
        f"x-functions-key: {SECRET}",
        f"X-Hub-Signature-256: sha256={RANDOM}",
        f"Set-Cookie: __Host-sid={SECRET}; Secure",
        f"set-cookie2: a={SECRET}",
        f"Sec-WebSocket-Protocol: bearer, {SECRET}",
        f"WWW-Authenticate: Bearer {RANDOM}",
        f"grant_type=password&username=kang&password={SECRET}",
        f"client_assertion={RANDOM}",
        f"refresh_token={SECRET}&grant_type=refresh_token",
        f"password[]={SECRET}",
        f"user[password]={SECRET}",
        f"user%5Bpassword%5D={SECRET}",
        f'"user[password]"=>"{SECRET}"',
        f'Parameters: {{"password"=>"{SECRET}"}}',
        f"[('password', '{SECRET}'), ('a', 1)]",
        f"('kang', 'password', '{SECRET}')",
        f"UPDATE users SET password = '{SECRET}' WHERE id = 1",
        f"INSERT INTO users (name, password) VALUES ('a', '{SECRET}')",
        f"ALTER USER kang IDENTIFIED BY '{SECRET}'",
        f"CREATE USER kang WITH PASSWORD '{SECRET}'",
        f"machine example.com login kang password {SECRET}",
        f"//registry.npmjs.org/:_authToken={SECRET}",
        f"_auth={SECRET}",
        f"npm config set _authToken {SECRET}",
        f"AGE-SECRET-KEY-1{RANDOM.upper()}",
        f"key: sk-{RANDOM}{RANDOM[:12]}",
        f"sk-{RANDOM}{RANDOM[:12]}",
        f"dckr_pat_{RANDOM}",
        f"atlassian ATATT3xFfGF0{RANDOM}{RANDOM}",
        f"hf_{RANDOM}",
        f"shpat_{HEX}",
        f"xoxe.xoxp-1-{RANDOM}",
        f"AC{HEX} SK{HEX}",
        f"-----BEGIN DSA PRIVATE KEY-----\nProc-Type: 4\n{SECRET}\n-----END DSA PRIVATE KEY-----",
        f"otpauth://totp/a?secret={RANDOM}&issuer=x",
        "your verification code is 493817",
        "OTP is 493817",
        "Your login code: 493817",
        "security code 493817",
        "recovery codes: 1234-5678",
        f"passwort={SECRET}",
        f"mot_de_passe={SECRET}",
        "PIN: 4711",
        "cvc=493",
        "card_cvv: 493",
        f"password\t{SECRET}",
        f"password:\n  {SECRET}",
        f"password :\t{SECRET}",
        f"password\u00a0= {SECRET}",
        f"'api_key': Secret({SECRET!r})",
        f"api key = {SECRET}",
        f"secret key: {SECRET}",
        f"access token = {SECRET}",
        f"client secret is {SECRET}",
    ],
}

#: Values that are no strings.
STRUCTURES = [
    {"a": {"password": SECRET}},
    {b"password": SECRET.encode()},
    [("Authorization", SECRET), ("Accept", "text")],
    [(b"cookie", SECRET.encode())],
    {f"https://kang:{SECRET}@example.com/": 200},
    {"a": [{f"/?token={SECRET}": 1}]},
    {"headers": {"Set-Cookie": SECRET}},
    [{"name": "x", "db_pass": SECRET}],
    f"password={SECRET}".encode(),
    {f"token={SECRET}"},
    ValueError(f"password={SECRET}"),
]

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
    "s3cr3t",
    "ab/cd",
    RANDOM.upper(),
    "4711",
    "1234-5678",
    "=493",
    " 493",
)


def secret_in(text):
    """Return the secret that *text* contains."""
    return next(secret for secret in _SECRETS if secret in text)


_HARMLESS_TEXTS = """\
basic authentication failed
Basic authentication is disabled
basic idea
digest mismatch for layer 3
negotiate failed after 3 attempts
bearer of bad news
bearer tokens are accepted
token: expired
token: invalid
token expired
token is missing
Token: required
password: required
password must be changed
password changed for kang
password:
password=""
password=''
password reset mail sent to kang
the password is too short
wrong password
wrong password for kang from 10.0.0.7
no password given
password policy: at least 12 characters
password_policy=strict
password_changed_at=2026-01-01
password_expired=true
password_length=12
has_password=true
secret santa starts at 5
secretary: Jane
the author: Jane
authority=letsencrypt
authenticated=true
authentication=ldap
auth_method=ldap
auth_type: basic
author=kang
tokenizer=bpe
token_count=512
token_type=bearer
max_tokens=100
total_tokens: 99
tokens=12
monkey=see
keyboard: us
key not found
key 5 of 7
KeyError: 'name'
primary_key=5
foreign_key: orders.id
keyid=0xDEADBEEF
public_key=none
key_size=2048
passenger=Jane
passport: checked
passed: 17, failed: 0
passes=3
compass: north
bypass: on
pass 1 of 3
cookie banner shown
cookies enabled
cookies=enabled
session expired
session timed out after 30 minutes
session_timeout=30
sessions: 5
sid of the process unknown
sign in with a phone
signal=9
significant: yes
design=new
otp required
pin the version
pinned: 5
spin=3
opinion: none
status_code=404
code=404
exit code: 1
error_code: E1042
country_code=de
zip code: 10115
barcode=4006381333931
encoding=utf-8
PIN entered wrongly
User logged in
User kang logged in from 10.0.0.7
2026-01-01T00:00:00+00:00
12:30:45 INFO started
{"a": "b"}
{"user": "kang", "success": true, "count": 5}
{"key_name": "a", "author": "b"}
{"password_policy": "strict", "token_count": 5}
{"password": null}
{"password": true}
{"passwordless": true}
{"tokens_used": 812}
http://example.com:8080/a?b=c@d
https://example.com/users/@kang
https://example.com/@kang/posts?page=2
https://example.com:8443/path:with:colons
https://example.com/search?q=password+reset
https://example.com/search?q=token
https://example.com/a?next=/login&page=3
https://example.com/?utm_source=mail&utm_medium=x
https://example.com/?sort=price&lang=en
https://example.com/docs/secret-keys
https://example.com/token/refresh
https://example.com/?keyword=boots
https://example.com/?monkey=1
https://example.com/?sidebar=open
https://example.com/?design=a&signal=b
ssh://git@example.com/a
git@github.com:a/b.git
mailto:kang@example.com
kang@example.com logged in
postgresql://db:5432/shop
redis://localhost:6379/0
amqp://rabbit:5672/
file:///etc/passwd
file:///etc/passwd changed
/etc/passwd: permission denied
/etc/shadow
C:\\Users\\kang\\secrets.txt
/home/kang/.ssh/id_rsa
/srv/app/auth/tokens.py
/srv/app/session.py:12
File "auth.py", line 3, in check_password
    raise PermissionError(user)
    return check(user, password)
Traceback (most recent call last):
ValueError: bad token in line 3
ConnectionError: refused
PermissionError: [Errno 13] Permission denied: '/etc/passwd'
Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)
Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15
curl/8.5.0
python-requests/2.32.3
Host: example.com
Accept: text/html, application/json;q=0.9
Content-Type: application/json; charset=utf-8
Cache-Control: max-age=0
WWW-Authenticate: Basic realm="shop"
X-Request-Id: 7f9c24e8-3b12-4fef-91e0-0123456789ab
ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"
Keep-Alive: timeout=5
Sec-Fetch-Mode: navigate
GET /index.html HTTP/1.1
POST /login HTTP/1.1 200
sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b
uuid=7f9c24e8-3b12-4fef-91e0-0123456789ab
MAC 00:1b:44:11:3a:b7
fe80::1ff:fe23:4567:890a
2001:db8::1
10.0.0.7:443 -> 10.0.0.8:51034
SELECT * FROM users WHERE name = 'kang'
UPDATE accounts SET locked = true WHERE id = 5
INSERT INTO events (key, value) VALUES (1, 2)
sudo: kang : TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/bin/ls
CRON[123]: (root) CMD (run-parts /etc/cron.hourly)
sshd[42]: Failed password for kang from 10.0.0.7 port 51034 ssh2
sshd[42]: Accepted publickey for kang from 10.0.0.7 port 51034 ssh2
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0
kernel: Out of memory: Killed process 42
systemd[1]: Started Session 5 of User kang.
dhclient: bound to 10.0.0.7
-----BEGIN CERTIFICATE-----
-----BEGIN PUBLIC KEY-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 kang@laptop
user=kang action=login result=success
level=info msg="listening" port=8080
a=1, b=2, c=3
x == y
lambda x: x + 1
ratio: 3:1
see chapter 3: keys and tokens
Note: passwords are never stored
two-factor authentication enabled
login: kang
api version: 3
api=v2
access: granted
access_level=admin
private: yes
private repository cloned
client=web
client_id=shop
credential stuffing suspected
credentials rejected
csrf check failed
jwt could not be verified
dsn is not set
signature does not match
signature mismatch: header
oauth=enabled
author_id=5
hash=abc
nonce reused
sk_line=5
npm_config_cache=/tmp
ghost_writer=5
asian markets closed
Basic plan: 5 users
Digest sent to 5 users
Token bucket: 5 left
Set password for kang
kang changed the password of hans
password for kang@example.com was reset
Enter password:
Invalid password (attempt 3 of 5)
Password expires in 12 days
passwords: 5 weak, 3 reused
password strength: weak
Token refresh scheduled at 12:00
token bucket size=10
Tokens used: 512
invalid token at line 5, column 3
unexpected token: '}'
syntax error near unexpected token `fi'
SyntaxError: Unexpected token < in JSON at position 0
api_version=3 api_host=db.example.com
key=value pairs are logged
keys: a, b, c
cache key: user:5:profile
sort_key=name
primary key violation: duplicate key value (id)=(5)
duplicate key value violates unique constraint "users_pkey"
KeyError: 'user_id'
<key>CFBundleName</key><string>App</string>
<meta name="keywords" content="a, b">
<input type="text" name="username" value="kang">
<tokenCount>512</tokenCount>
session started: kang
session id changed after login
sessions=5 active=3
auth: ldap backend is up
auth=ldap result=ok
auth failed for kang: locked
authorization: denied
authorization failed for user kang
Authorization header missing
cookie policy: strict
Cookies: none
code review: approved by kang
security code review finished: 5 findings
verification code sent to kang
login code path: /srv/app
mysqld -port 3306 started
mysql -h db -u kang shop
docker login succeeded
docker run -p 8080:80 -u 1000:1000 nginx
curl -u missing
curl -s https://example.com/health
curl https://example.com -o /tmp/user:file
docker login registry.example.com
grep -p secret /tmp
secret rotated: prod/db (version 7)
secret 'db-main' not found
credential: none
bearer: ATM card of kang
The bearer token is missing
sig=SIGTERM pid=5
signal: 15
pin=5 mode=OUTPUT
GPIO pin: 17
dsn: not configured
pw: 800 ph: 600
x-request-id: 5, x-signature-valid: true
signature: valid
signature=ok
2026-01-01 12:00:00 password_reset requested by kang
otp is required
sk-learn model loaded
hf_home=/var/cache/models
npm_lifecycle_event=test
identified by the badge at the door
identified by 'name' and 'type'
login kang password accepted
user[name]=kang&user[role]=admin
https%3A%2F%2Fexample.com%2F%3Fpage%3D5
redirect_uri=https%3A%2F%2Fapp.example.com%2Fcb&scope=openid
password: str
def login(user: str, password: str) -> Token:
    password: str = Field(min_length=8)
token: Optional[str] = None
return Session(token=None, user='kang')
if password == confirm:
secret = get_secret('db')
password = os.environ["DB_PASSWORD"]
passwd:x:0:0:root
PasswordAuthentication no
PermitRootLogin prohibit-password
ssh_host_key: /etc/ssh/ssh_host_rsa_key
private_key_path=/etc/ssl/key.pem
ssl_key_file: /etc/ssl/private/a.pem
monitoring/secret-exporter:v1.2 pulled
image: vault-secrets-operator:0.4
kubernetes.io/service-account-token mounted
event: TokenIssued, user: kang
AWS access key id rotated
cookie=true
csrf=on
SELECT token FROM sessions WHERE id = 5
UPDATE users SET password = $1 WHERE id = $2
password=%s user=%s
password=<hidden>
password=***
password: ********
token=xxxx
token=[FILTERED]
Password: (none)
"""
HARMLESS = _HARMLESS_TEXTS.splitlines()
HARMLESS_NAMES = [
    "author",
    "authority",
    "authenticated",
    "tokenizer",
    "token_count",
    "max_tokens",
    "monkey",
    "keyboard",
    "passenger",
    "passport_country",
    "compass",
    "secretary",
    "username",
    "spin",
    "sidebar",
    "password_policy",
    "password_changed_at",
    "has_password",
    "password_length",
    "token_type",
    "auth_method",
    "auth_type",
    "primary_key",
    "key_size",
    "public_key",
    "status_code",
    "country_code",
    "session_timeout",
    "cookie_count",
]
