"""Lines and names that look as if they had a secret, and have none."""

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
550e8400-e29b-41d4-a716-446655440000
request 550e8400-e29b-41d4-a716-446655440000 done
commit da39a3ee5e6b4b0d3255bfef95601890afd80709 by kang
HEAD is now at da39a3e mend the tests
tree da39a3ee5e6b4b0d3255bfef95601890afd80709
md5: d41d8cd98f00b204e9800998ecf8427e
sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709
checksum: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk
<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">
token bucket refilled: 100
token bucket empty, rate=5
password reset requested
password reset requested for user 5512
password reset link sent to k***@example.com
authorization failed
authorization failed: role admin is missing
authorization: role=admin required
authorization server: https://sso.example.com
Authorization code flow started
authentication: ok
auth: user kang is unknown
auth service: healthy
auth=oidc
auth_backend=ldap1
IBAN DE89370400440532013000
account=DE89370400440532013000
order_key=ORD-2026-00012
cache_key=user:55:profile
sort_key=created_at
partition_key=2026-11
routing_key=orders.created.v2
idempotency_key=550e8400-e29b-41d4-a716-446655440000
key=F5 pressed
key: Enter
key=ArrowDown
keys=15
KeyError: 'password'
KeyError: 'token'
File "/srv/app/auth/password.py", line 88, in validate_password
    password = request.form.get("password")
    token = generate_token(user)
    if not check_password(user, password):
    self.secret = secret
    api_key = settings.API_KEY
    password=password, token=token)
    raise InvalidToken("token has expired")
TypeError: login() missing 1 required positional argument: 'password'
TypeError: __init__() got an unexpected keyword argument 'token'
ValidationError: password: field required
{"password": ["This field is required."]}
{"errors": {"password": "is too short"}}
password: must contain a digit
password - at least 8 characters
passwords do not match
Password must be at least 8 characters: yours has 5
secret not found: prod/db
secret "db-main" rotated
Secret kube-system/bootstrap-token created
secrets: 5 loaded
token: 5 of 10 left
tokens: prompt=512 completion=88
total_tokens=600 prompt_tokens=512
max_token_length=4096
token_endpoint=https://sso.example.com/token
token_url: https://sso.example.com/oauth/token
jwks_uri=https://sso.example.com/keys
issued token for client shop
token type: bearer
token_type=Bearer expires_in=3600
grant_type=authorization_code
response_type=code
error=invalid_token
error_description=The access token expired
WWW-Authenticate: Bearer error="invalid_token"
WWW-Authenticate: Basic realm="Restricted Area"
Access-Control-Allow-Headers: Authorization, X-Api-Key, Cookie
Access-Control-Allow-Credentials: true
Vary: Accept-Encoding, Cookie
Vary: Authorization
Cookie settings saved: marketing=off
cookies: accepted
cookie consent: given
Session 8c4f started
session=closed
session duration: 35 min
sid=S-1-5-21-3623811015-3361044348-30300820-1013
SID S-1-5-18
sig 11 received
signature=v4
signature_version=v4
signature valid for kang@example.com
pin=17
pin 5 high
zip_code=10115
postal code: 10115
error code: 500
status code is 404
exit code is 137
country code is 49
source code is here
code=ECONNREFUSED
code: 22P02
promo_code=SUMMER26
access code path is slow
basic usage: tool run
Basic Computer Science 101
basic auth is disabled
bearer channel 12345678 up
digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
image@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
Digest algorithm2026 used
pulled nginx:1.27@sha256:e3b0c44298fc
docker run -p 8080:80 nginx
docker login ghcr.io succeeded
ssh -p 2222 kang@example.com
mkdir -p /srv/app/password
mysql -u kang -P 3306 -h db
mysql --print-defaults
curl -X POST https://example.com/login
curl --user-agent test https://example.com
https://example.com/password/reset
https://example.com/api/tokens/5
https://example.com/?page=2&key=asc
https://example.com/?sort_key=name&q=a
https://example.com/?code=404
https://maps.example.com/@52.5,13.4,15z
https://medium.com/@kang/how-to-hash-passwords
https://example.com/a:b@c
http://[::1]:8080/health
https://example.com:443/@kang
s3://bucket/key/part-0001
s3://bucket/secret/part
arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf
arn:aws:iam::123456789012:user/kang
AWS_REGION=eu-central-1
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7 kang@laptop
-----BEGIN CERTIFICATE----- MIIB -----END CERTIFICATE-----
-----BEGIN CERTIFICATE REQUEST-----
public key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5
host key: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
key fingerprint: SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU
pass=17 fail=3
pass: 17, fail: 3
bypass=true
compass=north
passing=5
passport=yes
passenger_count=3
sess: 5
assessment=done
obsession=none
possession: 55
secretary=Jane
undersecretary: Jo
tokenize=true
tokenizer: bert-base-uncased
tokenized: 55
author: Jane Doe
authors=5
authenticity=verified
unauthorized: 401
keyboard=de
keynote: 10:00
monkey: 5
turkey=3
hockey: 3:2
donkey=1
cookie_policy_accepted=2026-01-01
credential_type=password
credential provider: vault
login method: password
login_type=password
method=password
method=token
by=password
auth_method=token
sudo: kang : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/kang
PWD=/srv/app
OLDPWD=/srv
pwd: /srv/app
opt=5
otp=enabled
otp: sent
otp sent by sms
dsn=missing
dsn: none
The quick brown fox: jumped
ratio=16:9, scale=1.5
time=12:30:45 level=info msg="token refreshed"
msg="password changed" user=kang
"GET /token HTTP/1.1" 200 512
"GET /login?next=/ HTTP/1.1" 302 -
10.0.0.7 - kang [26/Nov/2026:03:44:24 +0000] "POST /password HTTP/1.1" 200
nginx: [error] 5#5: *1 open() "/srv/secret" failed
pam_unix(sudo:auth): conversation failed
sshd[5]: Failed password for invalid user admin from 10.0.0.8 port 4242 ssh2
sshd[5]: Accepted password for kang from 10.0.0.7 port 51034 ssh2
sshd[5]: Connection closed by authenticating user root 10.0.0.8 port 22 [preauth]
su: pam_unix(su:session): session opened for user root(uid=0) by kang(uid=1000)
audit: type=1112 msg=audit(1364481363.243:24287): user pid=3538 acct="root" exe="/usr/sbin/sshd"
EventID=4625 LogonType=3 AuthenticationPackageName=NTLM
EventID 4624: An account was successfully logged on. Key Length: 0
Kerberos: TGS ticket for host/db.example.com
x_forwarded_for=10.0.0.7, token_bucket=api
{"key": "value", "author": "me", "code": 5}
{"keys": ["a", "b"], "tokens": 5}
{"auth": {"method": "oidc"}}
{"credentials": "include"}
{"signature": "def f(x: int) -> str"}
{"type": "password", "label": "Password"}
{"name": "password", "type": "string", "required": true}
{"token": null, "secret": false}
def authenticate(token: str, secret: bytes) -> bool:
class PasswordHasher: iterations = 600000
SELECT password FROM users
ALTER TABLE users ADD COLUMN password varchar(255)
WHERE token IS NULL
password varchar(255) NOT NULL
the key is under the mat
the code is 5 lines long
passphrase: ********
password: [hidden]
password=%(password)s
password=${DB_PASSWORD}
password=$DB_PASSWORD
password: {{ vault_password }}
token: {{ secrets.GITHUB_TOKEN }}
token=${{ secrets.GITHUB_TOKEN }}
password=None
password="None"
password=<redacted>
token=REDACTED
token=<SecretStr>
SecretStr('**********')
Authorization: <redacted>
Authorization: Bearer [redacted]
Authorization: Bearer ***
Cookie: [redacted]
authorization: denied for kang55
TokenExpiredError: jwt expired
botocore.exceptions.NoCredentialsError: Unable to locate credentials
Forbidden (CSRF cookie not set.): /login
terraform: random_password.db: Creating...
{"token_type":"Bearer","expires_in":3600}
{"alg": "RS256", "kid": "2026-01", "typ": "JWT"}
SESSION_COOKIE_SECURE=True
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
exit code 137
HTTP code 1234
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
    "password_reset_requested",
    "password_reset_at",
    "password_last_changed",
    "token_bucket",
    "token_id",
    "tokens_left",
    "token_limit",
    "author_email",
    "authorized",
    "is_authorized",
    "authorization_status",
    "auth_backend",
    "auth_provider",
    "auth_time",
    "authenticated_by",
    "session_duration",
    "session_count",
    "cache_key",
    "sort_key",
    "partition_key",
    "routing_key",
    "idempotency_key",
    "object_key",
    "s3_key",
    "key_id",
    "kid",
    "public_key_fingerprint",
    "keyword",
    "keys",
    "monkey_patch",
    "error_code",
    "exit_code",
    "zip_code",
    "country",
    "codec",
    "barcode",
    "promo_code",
    "signal",
    "signature_valid",
    "sighting",
    "pin_count",
    "pinned",
    "pipeline",
    "passed",
    "pass_rate",
    "passes",
    "passive",
    "passport",
    "cookie_consent",
    "cookies_accepted",
    "secret_name",
    "secret_version",
    "secrets_count",
    "credential_type",
    "credential_id",
    "has_token",
    "is_secret",
    "password_ok",
    "password_valid",
    "passwordless_login",
    "login_method",
    "mfa_used",
    "mfa_method",
    "otp_sent",
    "otp_method",
    "csrf_failed",
    "token_valid",
    "token_expiry",
    "token_issuer",
    "jwt_issuer",
    "jwt_valid",
    "dsn_host",
    "sha256",
    "md5",
    "commit",
    "trace_id",
    "span_id",
    "iban",
    "sid_count",
    "turkey",
    "hockey",
    "bypass",
    "pwd_changed",
]
