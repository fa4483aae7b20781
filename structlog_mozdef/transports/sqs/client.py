"""boto3's client for a queue, and what can be wrong with the settings.

boto3 is loaded, and the settings are checked, when a transport is made. Credentials are fetched
with the client that sends: a program of ``credential_process`` or the service of a machine's role
may be slow, or not be there yet.
"""

from __future__ import annotations

import importlib
from typing import Any

from structlog_mozdef.exceptions import MozDefError
from structlog_mozdef.transports.errors import mapped_errors
from structlog_mozdef.transports.sqs.errors import is_about_credentials
from structlog_mozdef.transports.sqs.options import QueueAddress


def check_settings(address: QueueAddress, profile: str | None) -> str:
    """Return the region of AWS that `make_client` will use; fetch nothing.

    Raises what `make_client` raises.
    """
    # With credentials of its own a client looks for no others.
    client = _client(
        address,
        profile,
        {"defaults_mode": "legacy"},
        aws_access_key_id="unused",
        aws_secret_access_key="unused",  # noqa: S106 - nothing is sent with it
    )
    region = str(client.meta.region_name)
    client.close()
    return region


def make_client(
    address: QueueAddress, profile: str | None, *, connect_timeout: float, read_timeout: float
) -> Any:
    """Return a client of boto3, with credentials where boto3 finds some.

    Args:
        address: of the queue.
        profile: of the files under ``~/.aws``, or None for the usual one.
        connect_timeout: in seconds.
        read_timeout: in seconds.

    Raises:
        ValueError: the profile does not exist.
        MozDefError: boto3 is not installed, or has settings that it cannot use.
        Exception: of botocore, where credentials could not be fetched.
    """
    timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout}
    return _client(address, profile, timeouts)


def _client(
    address: QueueAddress, profile: str | None, settings: dict[str, Any], **credentials: str
) -> Any:
    with mapped_errors(lambda _: _not_installed(), ImportError):
        boto3 = importlib.import_module("boto3")
        botocore_config = importlib.import_module("botocore.config")
    with mapped_errors(lambda error: _setup_error(error, profile)):
        # A session of its own: another one, shared with a parent, has locks of the parent's.
        session = boto3.session.Session(region_name=address.region, profile_name=profile)
        return session.client(
            "sqs",
            endpoint_url=address.endpoint_url,
            config=botocore_config.Config(
                max_pool_connections=1,
                # The sink tries again by itself, and compat wants to know at once.
                retries={"mode": "standard", "total_max_attempts": 1},
                **settings,
            ),
            **credentials,
        )


def _not_installed() -> MozDefError:
    return MozDefError(
        "boto3 is needed to send to SQS, and is not installed: pip install structlog-mozdef[sqs]"
    )


def _setup_error(error: Exception, profile: str | None) -> Exception | None:
    if is_about_credentials(error):
        return None  # they may be there at the next attempt
    kind = type(error).__name__
    if kind == "ProfileNotFound" and profile is not None:
        return ValueError(f"profile is {profile!r}; it must be one of AWS's configuration files")
    if kind == "NoRegionError":
        return MozDefError(
            "you must specify a region of AWS: in the URL of the queue, as an option, or in"
            " AWS_DEFAULT_REGION"
        )
    return MozDefError(f"boto3 cannot use the AWS configuration of this machine: {kind}")
