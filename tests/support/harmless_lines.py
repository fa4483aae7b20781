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
User kang changed their password
Password changed for user kang by admin bob
password reset requested for kang@example.com
The password for account 4711 expires in 14 days
password expired: account locked after 5 attempts
Failed password for invalid user admin from 10.0.0.5 port 51234 ssh2
Accepted publickey for deploy from 10.0.0.7 port 40022 ssh2: ED25519 SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8
Accepted password for kang from 10.0.0.7 port 40022 ssh2
pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.5 user=root
password authentication failed for user "app"
FATAL:  password authentication failed for user "replication"
no password supplied
fe_sendauth: no password supplied
password: this field is required
password: too short (minimum is 12 characters)
Validation failed: password must contain at least one digit
password must not be the same as the username
Password policy: minimum length 12, history 24, maximum age 90 days
policy password_min_length=12 password_history=24 password_max_age_days=90
minPasswordLength: 12, maxPasswordAge: 90
password_changed_at=2026-11-26T07:00:00Z
password_reset_required=true
password_expired=false
token has expired; refreshing
Invalid token: signature verification failed
token is not yet valid (nbf)
JSONDecodeError: Unexpected token < in JSON at position 0
SyntaxError: Unexpected token: punc (})
syntax error near unexpected token `('
max_tokens=4096 prompt_tokens=811 completion_tokens=92 total_tokens=903
usage: input_tokens: 1203, output_tokens: 411, cache_read_input_tokens: 0
tokenizer loaded in 83 ms, 32000 tokens
rate limiter: token bucket has 12 tokens left
csrf token missing or incorrect
CSRF verification failed. Request aborted.
Forbidden (CSRF token missing.): /login/
secret "db-credentials" not found in namespace prod
secret/db-credentials created
Secrets Manager rotation succeeded for arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf
MountVolume.SetUp failed for volume "token" : secret "default-token-abcde" not found
could not read secret file /run/secrets/db_password: No such file or directory
loading credentials from /home/kang/.aws/credentials
using password file /etc/app/password.txt
POSTGRES_PASSWORD_FILE=/run/secrets/postgres
--password-file /etc/restic/password
reading private key from /etc/ssl/private/server.key
ssh-keygen: generating public/private ed25519 key pair
Found credentials in shared credentials file: ~/.aws/credentials
Found credentials in environment variables.
basic authentication failed for kang
Basic auth is disabled
Bearer token not provided
Bearer authentication is required
WWW-Authenticate: Bearer realm="example", error="invalid_token"
WWW-Authenticate: Basic realm="Restricted area"
HTTP Basic: Access denied
Authorization header is missing
Authorization: required
authorization failed for user kang on resource /admin
authorization_endpoint=https://idp.example.com/authorize
token_endpoint: https://idp.example.com/oauth/token
token_endpoint_auth_method=client_secret_basic
grant_type=client_credentials scope=read client_id=web
grant_type=password is not allowed
commit 3f2b8c1d9e0a7b6c5d4e3f2a1b0c9d8e7f6a5b4c by kang
sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
checksum md5=d41d8cd98f00b204e9800998ecf8427e size=0
ETag: "686897696a7c876b7e"
request_id=7f9c2ba4-e88f-4827-a604-5588b1c5a6d0 status=200
trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7
traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
idempotency-key: 8e03978e-40d5-43e8-bc93-6894a57f9324
key=user:4711 hit=true ttl=300
cache key: session_count:2026-11-26
partition_key=eu-west-1 sort_key=2026-11
primary key violation: duplicate key value violates unique constraint "users_pkey"
DETAIL:  Key (email)=(kang@example.com) already exists.
public_key=ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl
foreign key constraint fk_order_user failed
keyboard interrupt received
missing required key: secret
TypeError: connect() got an unexpected keyword argument 'passwd'
AttributeError: 'User' object has no attribute 'password_hash'
SELECT id, password_hash, token FROM users WHERE email = $1
SELECT count(*) FROM tokens WHERE expires_at < now()
INSERT INTO users (name, password) VALUES (%s, %s)
INSERT INTO audit (actor, action) VALUES ('kang', 'password_change')
UPDATE users SET password = ? WHERE id = ?
UPDATE users SET password = $1, salt = $2 WHERE id = $3
ALTER TABLE users ADD COLUMN password_hash varchar(128) NOT NULL
CREATE INDEX idx_tokens_hash ON tokens (hash)
DELETE FROM password_resets WHERE created_at < '2026-01-01'
GET /password/reset 200
GET /api/v1/tokens?page=2 200 12ms
POST /oauth/token 400 invalid_grant
POST /login 302 from 10.1.2.3
PUT /v1/secret/data/app 204
GET /static/js/password-strength.min.js 304
GET /users/4711/keys?limit=10&sort=created 200
GET /search?q=how+to+reset+password 200
GET /docs/secrets/?key_type=rsa 200
git@github.com:acme/app.git fetched
user kang@example.com logged in from 2001:db8::1
mailto:kang@example.com bounced: 550 5.1.1 user unknown
smtp://mail.example.com:587 connected
redis://redis:6379/0 is up
postgres://app@db:5432/app connected
https://example.com:8443/a@b opened
amqp://guest@mq:5672// heartbeat
http://10.0.0.1:8080/@scope/pkg fetched
npm http fetch GET 200 https://registry.npmjs.org/@types/node 32ms
cookie policy accepted
Cookie banner shown 311 times
session expired for user kang
session=closed reason=idle
session: opened for user root(uid=0) by (uid=0)
session_duration_ms=8123 session_count=4
pin 17 set to output
GPIO pin: 17 mode: OUT
pinned certificate matches
pass 3 of 5: 1200 rows
passed=12 failed=0 skipped=3
tests passed: 120, failed: 0
compass: north-east
bypass=false
passenger=12A gate=B4
author: kang
auth=ok user=kang
auth: success
auth method: publickey
2FA enabled for user kang
verification code sent to +49****123
OTP sent by SMS to user kang
one-time password required
code=200 reason=OK
exit code: 137
error_code=E1042 module=billing
postal code: 80331
state=running zone=eu-west-1a
signature verified, kid=2026-11
signature_version=s3v4
hash=3f2b8c1d action=evict
salt-minion connected
Passwort geändert für Benutzer kang
contraseña cambiada correctamente
mot de passe oublié: courriel envoyé
credentials=include mode=cors
credential_type=webauthn count=2
Credentials rotated by kang
secretary=Smith room=12
secretName: db-credentials
secretKeyRef: {name: db, key: password}
imagePullSecrets: [regcred]
valueFrom: secretKeyRef name=db key=password
tokens_per_second=83.2
token_count=17
tokenized 512 documents
next_page_token_present=true
has_password=true has_token=false
password_provided: yes
password: ****
password="********"
password=[FILTERED] user=kang
Parameters: {"user"=>{"email"=>"a@b.example", "password"=>"[FILTERED]"}}
api_key is missing
api key id: 17 revoked
api_key_id=17 revoked by kang
access key rotation due in 3 days
AccessKeyLastUsed=2026-11-20
access_key_age_days=91
PrivateKeyUsagePeriod: not set
license key accepted
key rotated: kid=7
sasl.mechanism=PLAIN security.protocol=SASL_SSL
ssl.key.location=/etc/kafka/client.key
ssl_keyfile=/etc/ssl/key.pem ssl_certfile=/etc/ssl/cert.pem
bind as cn=admin,dc=example,dc=com: invalid credentials (49)
LDAP: error code 49 - 80090308: LdapErr: DSID-0C090446, comment: AcceptSecurityContext error, data 52e
NOAUTH Authentication required.
WRONGPASS invalid username-password pair or user is disabled.
mysql: [Warning] Using a password on the command line interface can be insecure.
Access denied for user 'app'@'10.0.0.3' (using password: YES)
Access denied for user 'root'@'localhost' (using password: NO)
mkdir -p /var/lib/app/data
ps -u kang -p 4711
ssh -p 2222 deploy@web1
mysql -u root -p
curl -u kang https://x.example/
tar -xpf backup.tar
nmap -p 1-1024 10.0.0.1
scp -P 2222 file host:
psql -U app -w -h db
ldapsearch -x -W -D cn=admin
sudo: kang : TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/usr/bin/id
PWD=/srv/app OLDPWD=/srv
usage: tool [--password PASSWORD] [--token TOKEN]
error: argument --password: expected one argument
the --token option is deprecated
Enter passphrase for key '/home/kang/.ssh/id_ed25519':
passphrase protected key skipped
-----BEGIN CERTIFICATE----- found in /etc/ssl/a.pem
-----BEGIN PUBLIC KEY----- expected
Certificate fingerprint SHA1=DA:39:A3:EE:5E:6B:4B:0D:32:55:BF:EF:95:60:18:90:AF:D8:07:09
Key usage: digitalSignature, keyEncipherment
2026-11-26 07:00:00,123 INFO [auth] token refreshed for client web
sk-learn pipeline fitted in 3s
npm_config_registry=https://registry.npmjs.org
hf_hub_download took 3.1 s for model.safetensors
ghp_ tokens are rejected by policy
AKIA prefix found in 0 files
class LoginForm has fields username, password, remember
columns: [id, login, password, created]
fields=['username', 'password']
{"fields": ["username", "password"], "valid": false}
{"type": "password", "label": "Password", "required": true}
{"error": "invalid_token", "error_description": "The access token expired"}
{"token_type": "Bearer", "expires_in": 3600}
{"key": "value", "count": 3}
{"event": "password_changed", "user": "kang", "mfa": true}
<password-policy min="12"/>
<input type="password" name="password" required>
password strength: 4/4
password score: weak
password=too_short
lastpass extension detected
dn: uid=kang,ou=people pwdLastSet: 133456789012345678 badPwdCount: 3
pwdChangedTime: 20261126070000Z
userAccountControl: 66048 pwdLastSet: 0
EventID 4723: An attempt was made to change an account's password.
EventID 4724 attempted to reset an account's password TargetUserName: kang
Logon Type: 3 Authentication Package: NTLM Key Length: 128
ticket granted: krbtgt/EXAMPLE.COM etype aes256
Session ID: 17 closed after 3 s
Set-Cookie header exceeded 4096 bytes
x-api-key header missing
Digest: SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=
JWT header alg=RS256 kid=abc accepted
decoded jwt: iss=https://idp.example.com aud=web exp=1764140400
vault: secret engine kv mounted at secret/
Seal Type: shamir, Initialized: true, Sealed: false, Total Shares: 5, Threshold: 3
unseal progress 2/3
terraform: aws_secretsmanager_secret.db: Refreshing state... [id=arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x]
  + password = (sensitive value)
      password: <sensitive>
random_password.db: Creation complete after 0s [id=none]
Starting OpenBSD Secure Shell server: sshd
sshd[811]: Disconnected from authenticating user root 10.0.0.5 port 22 [preauth]
sshd[811]: error: maximum authentication attempts exceeded for root from 10.0.0.5 port 4 ssh2 [preauth]
systemd-logind[1]: New session 42 of user kang.
passwd[99]: pam_unix(passwd:chauthtok): password changed for kang
useradd[7]: new user: name=kang, UID=1001, GID=1001, home=/home/kang, shell=/bin/bash
chage: changed password expiry for kang
usermod[8]: lock user 'kang' password
kernel: keyring: key 0x1a2b created
kernel: Loaded X.509 cert 'Build time autogenerated kernel key: 0123456789abcdef'
audit: type=1101 audit(1764140400.1:42): pid=1 uid=0 auid=1000 ses=3 msg='op=PAM:accounting acct="root" exe="/usr/bin/sudo" res=success'
type=USER_AUTH msg=audit(1764140400.1:43): op=PAM:authentication grantors=pam_unix acct="kang" res=failed
type=CRED_ACQ msg=audit(1764140400.1:44): op=PAM:setcred grantors=pam_unix acct="kang"
krb5kdc[3]: AS_REQ (8 etypes {18 17 20 19}) 10.0.0.7: NEEDED_PREAUTH: kang@EXAMPLE.COM for krbtgt/EXAMPLE.COM@EXAMPLE.COM, Additional pre-authentication required
dovecot: imap-login: Login: user=<kang>, method=PLAIN, rip=10.0.0.7, lip=10.0.0.1, TLS, session=<4Q2x>
postfix/smtpd[9]: warning: unknown[10.0.0.9]: SASL LOGIN authentication failed: UGFzc3dvcmQ6
postfix/smtpd[9]: C1A2: client=mail[10.0.0.2], sasl_method=PLAIN, sasl_username=kang
proftpd: USER kang: Login successful.
vsftpd: [kang] OK LOGIN: Client "10.0.0.7"
250-AUTH PLAIN LOGIN XOAUTH2
EHLO mail / 250-SIZE 10240000 / 250-AUTH LOGIN PLAIN CRAM-MD5
535 5.7.8 Error: authentication failed: UGFzc3dvcmQ6
nginx: 10.0.0.7 - kang [26/Nov/2026:07:00:00 +0000] "GET /reset/ HTTP/1.1" 200 512 "-" "curl/8.5.0"
10.0.0.7 - - "POST /accounts/login/?next=/admin/ HTTP/1.1" 302 0
10.0.0.7 - - "GET /api/keys/17 HTTP/2.0" 200 1024
GET /.well-known/openid-configuration 200
GET /oauth/authorize?response_type=code&client_id=web&scope=openid&redirect_uri=https%3A%2F%2Fapp%2Fcb 302
GET /callback?error=access_denied&error_description=denied 400
GET /password-strength?length=12 200
GET /products?sort=price&key=name&page=3 200
GET /i18n/messages?keys=login.title,login.password.label 200
urllib3.connectionpool: Starting new HTTPS connection (1): api.example.com:443
urllib3.connectionpool: https://api.example.com:443 "GET /v1/tokens HTTP/1.1" 200 42
botocore.credentials: Found credentials in shared credentials file: ~/.aws/credentials
botocore.credentials: Looking for credentials via: assume-role-with-web-identity
google.auth: Making request: POST https://oauth2.googleapis.com/token
requests_oauthlib: Prepared fetch token request body
celery: Task accounts.tasks.send_password_reset[6f0c7c0e] succeeded in 0.3s: None
celery: Received task: auth.rotate_keys[2a1f] expires:[2026-11-26]
Connected to amqp://app:**@mq:5672//
kombu: Connected to redis://:**@redis:6379/0
django.security.csrf: Forbidden (CSRF cookie not set.): /login/
django.request: Unauthorized: /api/token/
django.db.backends: (0.001) SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login" FROM "auth_user" WHERE "auth_user"."id" = 1 LIMIT 21; args=(1,)
django.db.backends: (0.002) SELECT "django_session"."session_key", "django_session"."session_data" FROM "django_session"; args=()
sqlalchemy.engine: SELECT users.id, users.password_hash FROM users WHERE users.name = ?
sqlalchemy.engine: [generated in 0.00021s] ('kang',)
alembic: Running upgrade 1a2b -> 3c4d, add password_changed_at column
alembic.runtime.migration: Add column users.token_version
psycopg.errors.UndefinedColumn: column "password" does not exist
ERROR:  permission denied for table secrets
CREATE TABLE users (id serial, password varchar(128), token text)
GRANT SELECT (id, name) ON users TO app
INSERT INTO keys (id, name) VALUES (1, 'primary')
INSERT INTO events (kind, token_count) VALUES ('login', 3)
COPY users (id, password) FROM stdin
ValidationError: password: This password is too common.
ValidationError: {'password': ['This password is entirely numeric.']}
ValidationError: {"password":["Ensure this field has at least 8 characters."]}
ValidationError: {'non_field_errors': ['Unable to log in with provided credentials.']}
TypeError: __init__() got multiple values for argument 'token'
KeyError: 'API_KEY'
environment variable SECRET_KEY is not set
ImproperlyConfigured: The SECRET_KEY setting must not be empty.
RuntimeError: set DB_PASSWORD or DB_PASSWORD_FILE
ValueError: Fernet key must be 32 url-safe base64-encoded bytes.
jwt.exceptions.ExpiredSignatureError: Signature has expired
jwt.exceptions.InvalidAudienceError: Token has an invalid audience
cryptography: Could not deserialize key data.
ssl.SSLError: [SSL: KEY_VALUES_MISMATCH] key values mismatch
paramiko.transport: Authentication (publickey) successful!
paramiko.ssh_exception.PasswordRequiredException: Private key file is encrypted
ldap.INVALID_CREDENTIALS: {'desc': 'Invalid credentials'}
redis.exceptions.AuthenticationError: Authentication required.
pymongo.errors.OperationFailure: Authentication failed., full error: {'ok': 0.0, 'code': 18, 'codeName': 'AuthenticationFailed'}
elasticsearch.AuthenticationException: AuthenticationException(401, 'missing authentication credentials')
kafka: SASL mechanism PLAIN, username kafka, security protocol SASL_SSL
Error: secretsmanager:GetSecretValue access denied for arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf
aws: An error occurred (ExpiredToken) when calling the GetObject operation: The provided token has expired.
aws: InvalidClientTokenId when calling GetCallerIdentity: The security token included in the request is invalid
gcloud: credentials for account ci@example.iam.gserviceaccount.com activated
az: AADSTS7000215: Invalid client secret provided.
az: AADSTS50126: Error validating credentials due to invalid username or password.
kubectl: secret/db patched
kubelet: MountVolume.SetUp succeeded for volume "secret-db"
kube-apiserver: Unable to authenticate the request: token lookup failed
"kind":"Event","verb":"get","objectRef":{"resource":"secrets","namespace":"prod","name":"db"}
helm: release "vault" upgraded
vault: core: post-unseal setup complete
vault: lease auth/token/create/h1234 revoked
Vault token TTL: 768h
terraform: Note: sensitive value hidden
terraform:   ~ password = (sensitive value)
terraform: aws_kms_key.main: Creation complete after 2s [id=1234abcd-12ab-34cd-56ef-1234567890ab]
ansible: TASK [Set root password] ***
ansible: TASK [mysql : create secret] changed
ansible: [WARNING]: Found variable using reserved name: vars_password
docker: Login Succeeded
docker: Using --password-stdin
docker run -d -p 6379:6379 --name cache redis redis-server --requirepass "$REDIS_PASSWORD"
docker exec db mysql -uroot -p"$MYSQL_ROOT_PASSWORD" -e 'select 1'
git: Username for 'https://github.com':
git: remote: Invalid username or token. Password authentication is not supported.
git log --author=kang --format=%H
git commit -m "rotate keys" 3f2b8c1
npm WARN config _auth is deprecated
pip: Requirement already satisfied: keyring in /usr/lib
pip: Collecting pyjwt==2.9.0
hash-password: done
index passages: 1200
pass: 12 fail: 0
PASS src/app.test.js
--- PASS: TestLogin (0.01s)
=== RUN   TestPasswordReset
test_token_expired PASSED [ 12%]
tests/test_auth.py::test_password_reset[short] PASSED
FAILED tests/test_auth.py::test_token - assert 401 == 200
coverage: auth.py 97% secrets.py 88%
tokens: 1204 in, 311 out, cost $0.01
model=gpt tokens_in=1204 tokens_out=311
completion_tokens_details={'reasoning_tokens': 128}
stop_token='<eos>' pad_token_id=0
tokenizer.pad_token = tokenizer.eos_token
key=value pairs parsed: 12
sort key: created_at
hot key: cart:4711
keys: 12, values: 12
Key pressed: Enter
keyword=password found in 3 documents
lock key=jobs:nightly acquired
object key: uploads/2026/11/26/a.png
s3://bucket/secrets/readme.txt downloaded
/etc/ssl/private/server.key: permission denied
/run/secrets/db_password mounted
C:\\Users\\kang\\Documents\\passwords.xlsx opened
file=/srv/app/tokens.py line=12
module auth.tokens imported
loaded plugin token_bucket
widget password_field rendered
label: "Password:" visible
placeholder="Enter your password"
autocomplete="current-password"
<label for="password">Password</label>
<input id="token" type="text" maxlength="6">
{"name":"password","type":"string","format":"password"}
{"name": "token", "in": "query", "required": true}
{"securitySchemes": {"apiKey": {"type": "apiKey", "name": "X-API-Key", "in": "header"}}}
{"scopes": ["read:secrets", "write:tokens"]}
{"alg":"RS256","typ":"JWT","kid":"2026"}
{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs","e":"AQAB"}
ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQC7 kang@web1
SHA256:uNiVztksCsDhcc0u9e8BrJXVvz7xhr7p fingerprint
X-Request-ID: 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d
CF-RAY: 8a1b2c3d4e5f6789-FRA
ETag: W/"33a64df551425fcc55e4d42a148795d9f25f89d4"
If-None-Match: "33a64df551425fcc55e4d42a148795d9f25f89d4"
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
integrity="sha384-oqVuAfXRKap7fdgcCY5uykM6+R9GqQ8K/uxy9rx7HNQlGYl1kPzQho1wx4JwY8wC"
"integrity": "sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg=="
image: registry.example.com/auth@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
OTP expired for user kang
OTP attempts: 3
MFA: code accepted
code: 404
country code: DE
status code 200
promo code SUMMER26 applied
zip code 80331 is valid
error code 1045 (28000): Access denied
verification code expired
exit status 1: code signing failed
pin code required
pinned tab 3
PIN changed for card ending 4242
SIM PIN required
session id missing
session 4711 terminated
session timeout: 1800
cookie jar empty
cookies: 3
Set-Cookie blocked by policy
credential stuffing attack detected from 10.0.0.0/8
credentials valid until 2026-12-31
author=kang signature=none
signature: RSA-SHA256
DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=mail
пароль изменён пользователем kang
неверный пароль
密码错误
用户 kang 修改了密码
パスワードが変更されました
비밀번호가 변경되었습니다
hasło zostało zmienione
Passwort abgelaufen für kang
mot de passe incorrect
contraseña incorrecta
parola scaduta
wachtwoord gewijzigd door kang
senha alterada com sucesso
docker swarm join-token manager
docker swarm: To add a worker to this swarm, run the following command
kubeadm token create --print-join-command
kubeadm token list
kubectl get secret db -o yaml
kubectl delete secret regcred --ignore-not-found
kubectl create secret generic db --from-file=password.txt
kubectl create token default --duration 1h
helm upgrade app ./chart --set image.tag=1.2.3 --set replicaCount=3
helm repo add bitnami https://charts.bitnami.com/bitnami
docker run -e TZ=UTC -p 8080:80 nginx:1.27
docker run -e POSTGRES_PASSWORD_FILE=/run/secrets/pg postgres
docker build --build-arg VERSION=1.2.3 .
docker build --secret id=npm,src=.npmrc .
ENV PYTHONUNBUFFERED=1
Step 3/9 : ENV PATH /usr/local/bin:$PATH
ARG TOKEN_EXPIRY_SECONDS=3600
git clone https://github.com/hynek/structlog.git
git clone git@gitlab.corp:team/app.git
fatal: could not read Password for 'https://kang@git.corp': terminal prompts disabled
remote: HTTP Basic: Access denied. The provided password or token is incorrect
gh auth status: Logged in to github.com account kang (keyring)
gh secret list
gh secret set DEPLOY_KEY < key.pem
aws sts get-caller-identity --profile prod
aws secretsmanager get-secret-value --secret-id prod/api
aws ssm get-parameter --name /prod/db/password --with-decryption
aws kms decrypt --key-id alias/prod
gcloud auth print-access-token
gcloud secrets versions access latest --secret=db-password
az keyvault secret show --name db-password --vault-name kv
az account get-access-token --resource https://management.azure.com
terraform: aws_secretsmanager_secret.db: Refreshing state... [id=prod/db]
terraform: random_password.db: Creation complete after 0s [id=none]
terraform: + password = (sensitive value)
ansible: TASK [Ensure password policy is set] ok: [web1]
ansible-playbook site.yml --ask-become-pass
ansible-playbook site.yml --vault-password-file ~/.vault
no_log: true was specified for module parameter 'password'
vault login -method=oidc role=dev
vault kv get secret/app
vault token lookup
vault status: Sealed false
Success! Data written to: auth/approle/role/app
redis-cli -h r -p 6379 ping
redis: NOAUTH Authentication required.
redis: WRONGPASS invalid username-password pair or user is disabled.
ACL SETUSER app on nopass ~* +@all
ACL WHOAMI default
mysql -h db -u root -p -e 'show databases'
mysql: Access denied for user 'root'@'10.0.0.4' (using password: YES)
mysqldump --single-transaction app > app.sql
psql: FATAL: password authentication failed for user "app"
psql -h db -U app -W
pg_hba.conf: no entry for host "10.0.0.4", user "app", SSL off
SELECT password_hash IS NOT NULL FROM users WHERE id=5
UPDATE users SET last_login=now(), token_version=5 WHERE id=5
CREATE USER app WITH LOGIN CREATEDB
ALTER TABLE users ADD COLUMN password_hash text
DROP USER app
GRANT SELECT ON orders TO app
CREATE INDEX idx_sessions_token ON sessions (token)
ssh-keygen -t ed25519 -C kang@host -f id
ssh-keygen -y -N '' -f id
openssl x509 -in cert.pem -noout -subject
openssl enc -aes-256-cbc -pass file:/etc/p -in a -out b
openssl req -new -passin env:PW -key k.pem
gpg --batch --verify a.sig
gpg: key 0123456789ABCDEF: public key "Kang <kang@x>" imported
wg show wg0
wg: handshake for peer 3 (192.0.2.1:51820) did not complete after 5 seconds
openvpn: TLS: Initial packet from [AF_INET]192.0.2.1:1194
openvpn: AUTH: Received control message: AUTH_FAILED
charon: 05[IKE] authentication of 'gw' with pre-shared key successful
charon: no shared key found for 'a' - 'b'
nmcli dev wifi list
nmcli con up vpn passwd-file /etc/p
tailscale status
snmpd: Connection from UDP: [10.0.0.1]:51234
snmp-server location Oslo
username kang privilege 15
%SEC_LOGIN-5-LOGIN_SUCCESS: Login Success [user: kang] [Source: 10.0.0.3]
radiusd: (5) Login OK: [kang] (from client ap1 port 0)
radiusd: Login incorrect (pap: Cleartext password does not match): [kang]
npm config set registry https://registry.npmjs.org/
npm warn deprecated request@2.88.2: request has been deprecated
npm token list
twine upload --repository pypi dist/*
poetry config virtualenvs.in-project true
pip install --index-url https://pypi.org/simple app
conda config --set channel_priority strict
mvn -B -DskipTests package
gradle -Pversion=1.2.3 build
java -Xmx512m -Dfile.encoding=UTF-8 -jar app.jar
mosquitto_pub -h m -p 1883 -t t -m x
mosquitto_sub -P
mount -t nfs nas:/s /mnt
xfreerdp /u:kang /v:host
useradd -p -m kang
sudo: kang : TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/usr/bin/systemctl restart nginx
sudo: 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/bin/su
CMD (/usr/local/bin/rotate-keys --dry-run)
passwd[211]: pam_unix(passwd:chauthtok): password changed for kang
twilio: AccountSid AC0123456789abcdef0123456789abcdef balance fetched
discord.py: Logging in using static token
django: Forbidden (CSRF token missing.): /accounts/login/
django: Session data corrupted
DisallowedHost: Invalid HTTP_HOST header: 'x'. You may need to add 'x' to ALLOWED_HOSTS.
oauthlib: OAuth2 scope changed from "a" to "b"
KeyError: 'SECRET_KEY'
celery: Task app.tasks.reset_password[0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9] received
celery: Task app.tasks.send_token[0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9] succeeded in 0.1s
trace_id=0a1b2c3d4e5f60718293a4b5c6d7e8f9 span_id=0a1b2c3d4e5f6071
etag="0a1b2c3d4e5f60718293a4b5c6d7e8f9"
sha256:0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9
commit 0123456789abcdef0123456789abcdef01234567 by kang
x-amz-request-id: TX234S0F24A06C7
X-Request-Id: 0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9
password md5sum2 mismatch
reset password user for kang (attempt 3)
password reset link sent to kang2@example.com
password https://example.com/reset?u=5
password kang2@example.com was sent
Password /srv/app/passwords2.txt not found
password argon2id hash upgraded
password bcrypt12 hash upgraded
password sha512crypt hashes are accepted
password version2 is stored
password v2.1 policy in force
password rule:min8 violated
password min_length=12 not met
password 2nd factor missing
password 30-day limit reached
password pbkdf2_sha256 iterations raised
the password field2 is empty
password=%s parameter2 ignored
Failed password for invalid user admin1 from 10.0.0.7 port 51022 ssh2
changed password id:12345 for kang
secret 5 of 7 created
key 7 of 9 deleted
radius: 3 servers, primary key rotated
tacacs+: no key configured
net use
setuser kang > /dev/null
login('kang', '10.0.0.7')
login("kang", "web")
logon(user, session12)
credentials('aws', 'default')
password('Enter your password')
config http-basic.corp ci
ENV PATH /usr/local/bin:/usr/bin
ENV NODE_VERSION 22.11.0
ssh-keygen -R host1
ssh-keygen -l -f id.pub
mariadb -u root -p -h db1
mariadbd: ready for connections. Version: '11.4.2'
mosquitto_sub -p 8883 -t x
twine check dist/app-1.2.3.tar.gz
oc login https://api.ocp:6443 -u kang
skopeo login registry.corp:5000 -u kang
mc alias list minio
mc alias set minio https://minio:9000
xfreerdp /u:kang /v:host /port:3389
cqlsh 10.0.0.5 9042 -u kang
login attempt 3 -p none
--secret id=npm,src=.npmrc
-pass file:/etc/p1
enable secret is set
snmp-server location rack12
client 10.0.0.8 has no shared secret
sudo -u kang mkdir -p data2/x
docker exec -u root web1 mkdir -p data2
docker run -u 1000 -p 8080:80/tcp nginx
psql -U app -p 5433 -d app2
ssh -u kang -p 2222 host1
cmd -u kang -p /srv/app2
COMMAND=/usr/bin/rsync -u kang -p host2:/x
mysqladmin -u root -p status
nmap -u x -p T80
nmap -sU -p U53,T80 host
sudo: root : TTY=pts/0 ; PWD=/home/kang ; USER=root ; COMMAND=/usr/bin/passwd kang01
passwd kang01
passwd -l deploy01
chage -l kang01
journalctl -u nginx -p warning2
ps -u kang -p 1234
lsof -u kang01 -p 4711
systemd-run -u job1 -p MemoryMax=2G make
virtualenv --user kang -p python3.12 .venv
sudo -u postgres pg_dump -p 5433 -d app01
sudo -u app1 ./run -p prod01
su -u app01 -c 'run -p'
useradd -u 1001 -g 1001 kang01
ansible-playbook -u kang -i hosts01 site.yml
ssh -l kang01 -p 2222 web01
scp -P 2222 kang01@web01:/x .
nc -u 10.0.0.7 -p 53
git push -u origin feature-01
git log -p HEAD~3 -u
docker compose -p proj01 up
python -u app.py -p 8080 --port2
rsync -u -p src01 dst01
cp -u -p file01 dest01
tcpdump -u -p port53
date -u -p now01
sort -u -p x
mkdir -u x -p dir01
login as kang01
user.login("kang01", "10.0.0.7")
session.login('kang01', 'web')
secret 5 of 9 rotated
radius server key 5 of 9
the password of kang01 was changed
Password for kang01 expired
password history24 enforced
password minimum12 characters
config set maxmemory-policy allkeys-lru
config set tokenizer.model bpe32k
git config --set core.editor vim9
kubectl config set-context prod01
ENV TOKENIZERS_PARALLELISM false
ENV SECRET_KEY_FILE /run/secrets/key01
net user kang01
net use Z: \\\\nas\\share01 /persistent:yes
mariadb-dump -u root -p app01
mysqlimport --fields-terminated-by=, -u root -p app01 orders.txt
snmp-server host 10.0.0.7
mysqldump --single-transaction -h db1 -u root -p shopdb2026 > shop.sql
mariadb -h db1 -u root -p shopdb2026
date -u +%Y-%m-%d
curl -U kang https://h/a%20b
smbclient -L nas -U kang
net ads join -U admin
echo done | tee /tmp/x
echo $HOME | kinit
security find-identity -v -p codesigning
security list-keychains -d user
security add-trusted-cert -p ssl -k a.keychain ca.pem
expdp help=y
impdp parfile=/etc/imp.par full=y
sqlplus / as sysdba
sqlldr control=/data/a.ctl log=/data/a.log
costs $9 and $8 more
set password ENC
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
