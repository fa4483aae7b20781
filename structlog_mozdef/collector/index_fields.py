"""The fields that MozDef's index template names, and which values each type accepts."""

from __future__ import annotations

import functools
import ipaddress
import math
import re
from typing import Any, Literal

from structlog_mozdef.collector.index_dates import is_lenient_date

#: The index servers whose verdicts are known. MozDef's newest is Elasticsearch 7.
Server = Literal["Elasticsearch 6.8", "Elasticsearch 7.17", "OpenSearch 2.19"]
_OLDEST: Server = "Elasticsearch 6.8"
_OPENSEARCH: Server = "OpenSearch 2.19"

#: Types by name; a dict is an object.
TEMPLATE: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("category", "hostname", "processid", "processname"),
            *("severity", "source", "type", "version"),
        ),
        "keyword",
    ),
    "summary": "text",
    "receivedtimestamp": "date",
    "utctimestamp": "date",
    "details": {
        "apiversion": {"raw_value": "keyword"},
        "destinationipaddress": "ip",
        "destinationipgeopoint": "geo_point",
        "destinationport": "keyword",
        "requestparameters": {"logstreamname": {"raw_value": "keyword"}},
        "sourceipaddress": "ip",
        "sourceipgeopoint": "geo_point",
        "sourceipv4address": "keyword",
        "sourceport": "keyword",
        "success": "boolean",
    },
}

#: Names of the index itself: no document may have them at its top.
METADATA = frozenset(
    {"_field_names", "_id", "_ignored", "_index", "_routing", "_seq_no", "_source", "_version"}
)
METADATA_OF: dict[Server, frozenset[str]] = {
    "Elasticsearch 6.8": METADATA
    | {"_all", "_parent", "_size", "_timestamp", "_ttl", "_type", "_uid"},
    "Elasticsearch 7.17": METADATA | {"_type"},
    "OpenSearch 2.19": METADATA | {"_data_stream_timestamp", "_nested_path"},
}

# The maximum length of a keyword, in bytes of UTF-8: that of a term in Lucene.
_TERM_MAX_BYTES = 32_766

_BOOLEANS = ("true", "false", "")
# Zeros before a group of an IPv6 address: Python allows four digits in all, Elasticsearch any.
_ZEROS = re.compile(r"(?:(?<=:)|^(?=[0-9A-Fa-f]*:))0+(?=[0-9A-Fa-f]+(?![0-9A-Fa-f.]))")
_GEOHASH = re.compile(r"[0-9b-hjkmnp-z]+")
_WKT = re.compile(r"POINT\s*(?:EMPTY|\(\s*(\S+)\s+(\S+?)(?:\s+(\S+?))?\s*\))", re.IGNORECASE)
_COORDINATES = ({"lat", "lon"}, {"geohash"}, {"type", "coordinates"})


def find_fault(kind: str, value: object, server: Server) -> str | None:
    """Return what is wrong with a value for a field of the template.

    Args:
        kind: the type of the field, as in ``TEMPLATE``.
        value: a string, a number or a bool; for a geo point anything but None.
        server: whose verdict it is.

    Returns:
        What the index refuses, in words, or None if it accepts the value.
    """
    if kind == "keyword":
        return find_fault_of_keyword(value)
    if kind == "ip" and not _is_ip_address(value, server):
        return "what is not an IP address"
    if kind == "boolean" and not isinstance(value, bool) and value not in _BOOLEANS:
        return 'a boolean that is not true, false, "true" or "false"'
    if kind == "date" and not _is_date(value, server):
        return "what is not a date of ISO 8601"
    if kind == "geo_point" and not _is_geo_value(value, server):
        return "what is not a geo point"
    return None


def find_fault_of_keyword(value: object) -> str | None:
    """Return what is wrong with a value for a keyword, as ``find_fault`` does."""
    # Nearly every string is short, and need not be encoded.
    if not isinstance(value, str) or len(value) <= _TERM_MAX_BYTES // 4:
        return None
    is_long = len(value.encode("utf-8", "surrogatepass")) > _TERM_MAX_BYTES
    return "a string over 32,766 bytes" if is_long else None


def _is_ip_address(value: object, server: Server) -> bool:
    if not isinstance(value, str):  # Python also accepts an integer
        return False
    return ("%" not in value or server != _OLDEST) and _is_parsed(value)


@functools.lru_cache(maxsize=1024)
def _is_parsed(address: str) -> bool:
    try:
        ipaddress.ip_address(_ZEROS.sub("", address))
    except ValueError:
        return False
    return True


def _is_date(value: object, server: Server) -> bool:
    if isinstance(value, (bool, float)):
        return False
    return is_lenient_date(str(value), is_6=server == _OLDEST)


def _is_geo_value(value: object, server: Server) -> bool:
    if not isinstance(value, list):
        return _is_geo_point(value, server)
    if value and isinstance(value[0], (int, float)):
        return _are_coordinates(value)
    return all(
        _are_coordinates(point) if isinstance(point, list) else _is_geo_point(point, server)
        for point in value
    )


def _is_geo_point(value: object, server: Server) -> bool:
    if isinstance(value, str):
        return _is_geo_text(value, server)
    if not isinstance(value, dict) or set(value) not in _COORDINATES:
        return False
    if "geohash" in value:
        return isinstance(value["geohash"], str) and bool(_GEOHASH.fullmatch(value["geohash"]))
    if "lat" in value:
        return _are_in_range(value["lat"], value["lon"])
    return (
        server == _OPENSEARCH
        and str(value["type"]).lower() == "point"
        and _are_coordinates(value["coordinates"])
    )


def _is_geo_text(text: str, server: Server) -> bool:
    if "," in text:
        parts = text.split(",")
        return len(parts) <= 3 and _are_in_range(*parts[:2]) and _are_numbers(parts)
    match = _WKT.fullmatch(text.strip())
    if match is None or server == _OLDEST:
        return bool(_GEOHASH.fullmatch(text))
    return match[1] is None or (
        _are_in_range(match[2], match[1]) and _are_numbers([match[3] or "0"])
    )


def _are_coordinates(value: object) -> bool:
    """Return whether it is ``[longitude, latitude]``, perhaps with a height."""
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        return False
    longitude, latitude, *height = value
    return _are_in_range(latitude, longitude) and _are_numbers(height)


def _are_in_range(latitude: object, longitude: object) -> bool:
    if not _are_numbers([latitude, longitude]):
        return False
    return abs(float(latitude)) <= 90 and abs(float(longitude)) <= 180  # type: ignore[arg-type]


def _are_numbers(values: list[Any]) -> bool:
    try:
        return all(
            isinstance(value, (int, float, str))
            and not isinstance(value, bool)
            and math.isfinite(float(value))
            for value in values
        )
    except (OverflowError, ValueError):
        return False
