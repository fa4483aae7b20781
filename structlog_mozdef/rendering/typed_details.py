"""Details that MozDef's index gives a type: a value that does not fit moves to another name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Any

from structlog_mozdef._raised import pass_on
from structlog_mozdef.rendering.convert import ITEMS_LIMIT, safe_str, to_jsonable
from structlog_mozdef.rendering.detection import NEVER_NONE, no_date
from structlog_mozdef.rendering.fields import add_detail

# Values of other types are never compared.
_COMPARABLE = frozenset({str, int, float, bool, bytes})
# Valid for every version; Elasticsearch alone reads geohashes of other lengths, and only OpenSearch
# GeoJSON.
_LATITUDE_LONGITUDE = re.compile(
    r"\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*", re.ASCII
)


def repair_typed_details(details: MutableMapping[str, Any]) -> None:
    """Move a value that Elasticsearch would reject to a detail that has no type.

    A ``sourceipaddress`` that is not an IP address becomes ``sourceipaddress_text``, and so on for
    each name in `TYPED_DETAILS`. None goes where a plugin of MozDef makes it 0.0.0.0, or drops the
    event for it.
    """
    for name in NEVER_NONE:
        if name in details and details[name] is None:
            del details[name]
    convert_details(details, TYPED_DETAILS)


def convert_details(
    details: MutableMapping[str, Any], conversions: Mapping[str, Callable[[object], Any]]
) -> None:
    """Convert the details that *conversions* names; those that have no result are renamed."""
    for name, convert in conversions.items():
        value = details.get(name)
        if value is None:
            continue
        try:
            converted = convert(value)
        except Exception as error:  # an object with methods of its own
            pass_on(error)
            converted = None
        if converted is not None:
            details[name] = converted
        else:
            del details[name]
            add_detail(details, f"{name}_text", no_date(safe_str(value)))


def _addresses_of(value: object) -> str | list[str] | None:
    if isinstance(value, (IPv4Address, IPv6Address, str, bytes)):
        text = str(value) if isinstance(value, (IPv4Address, IPv6Address)) else safe_str(value)
        return text if is_ip_address(text) else None
    if type(value) is list or type(value) is tuple:
        # Elasticsearch stores several values in one field.
        addresses = [safe_str(item) for item in value]
        return addresses if all(map(is_ip_address, addresses)) else None
    return None


def _boolean_of(value: object) -> bool | str | None:
    value = to_jsonable(value)
    if type(value) is bool or (type(value) is str and value in ("true", "false")):
        return value
    return bool(value) if type(value) in (int, float) and value in (0, 1) else None


def _exact_boolean_of(value: object) -> bool | None:
    boolean = _boolean_of(value)
    return boolean == "true" if type(boolean) is str else boolean  # type: ignore[return-value]


def _keyword_of(value: object) -> Any:
    """Return *value* unless it is an object, or an array that is more than strings and numbers."""
    if type(value) not in _COMPARABLE:
        value = to_jsonable(value)
    if type(value) is list or type(value) is tuple:
        return value if all(type(item) in _COMPARABLE for item in value) else None
    return value if type(value) in _COMPARABLE else None


def _point_of(value: object) -> Any:
    """Return *value* if it is a point on earth: an object, ``"lat,lon"`` or ``[lon, lat]``."""
    latitude: object = None
    longitude: object = None
    if type(value) is str:
        match = _LATITUDE_LONGITUDE.fullmatch(value)
        if match is not None:
            latitude, longitude = map(float, match.groups())
    elif type(value) is dict and len(value) == 2:
        latitude, longitude = value.get("lat"), value.get("lon")
    elif (type(value) is list or type(value) is tuple) and len(value) == 2:
        longitude, latitude = value
    return value if _is_within(latitude, 90) and _is_within(longitude, 180) else None


def _is_within(degrees: object, limit: int) -> bool:
    return type(degrees) in (int, float) and -limit <= degrees <= limit  # type: ignore[operator]


def _api_version_of(value: object) -> Any:
    return value if _is_raw_value(value) else None


def _parameters_of(value: object) -> Any:
    valid = type(value) is dict and _is_raw_value(value.get("logstreamname", {}))
    return value if valid else None


def _is_raw_value(value: object) -> bool:
    return type(value) is dict and (
        value.get("raw_value") is None or type(value["raw_value"]) in _COMPARABLE
    )


@lru_cache(maxsize=1024)
def is_ip_address(text: str) -> bool:
    """Return whether Elasticsearch accepts *text* as an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        pass_on(error)
        return False
    return "%" not in text  # Python accepts a zone index, Elasticsearch does not


#: The details whose type must not change -> a function that returns the value to store, or None.
#: All but ``error``, which `MozDefRenderer` itself sets, have a type in MozDef's template.
TYPED_DETAILS: Mapping[str, Callable[[object], Any]] = {
    "apiversion": _api_version_of,
    "destinationipaddress": _addresses_of,
    "destinationipgeopoint": _point_of,
    "destinationport": _keyword_of,
    "error": _exact_boolean_of,
    "requestparameters": _parameters_of,
    "sourceipaddress": _addresses_of,
    "sourceipgeopoint": _point_of,
    "sourceipv4address": _keyword_of,
    "sourceport": _keyword_of,
    "success": _boolean_of,
}


# The names of a program, whose types it gives itself


def check_typed_names(
    typed_names: Mapping[str, type | str] | None,
) -> Mapping[str, Callable[[object], Any]]:
    """Return the conversions of the details that *typed_names* gives a type.

    Raises:
        ValueError: it is no mapping, a name is not a string, or a type is not one of str, bool, int
            and float.
    """
    if typed_names is not None and not isinstance(typed_names, Mapping):
        raise ValueError(
            f"typed_names is {typed_names!r}; it must be None, or map the names of details to types"
        )
    types_by_name = {kind.__name__: kind for kind in _CONVERSIONS}
    conversions = {}
    for name, given in (typed_names or {}).items():
        kind: Any = types_by_name.get(given) if isinstance(given, str) else given
        if not isinstance(name, str) or not isinstance(kind, type) or kind not in _CONVERSIONS:
            raise ValueError(
                f"typed_names has {name!r}: {given!r}; it must be the name of a detail and"
                " one of str, bool, int and float"
            )
        conversions[name] = _each(_CONVERSIONS[kind])
    return conversions


def check_listed_names(
    listed_names: Iterable[str], typed_names: Mapping[str, type | str] | None
) -> Mapping[str, Callable[[object], Any]]:
    """Return the conversions of the details whose names and values become a list.

    Raises:
        ValueError: a name is not a string, or has a type in *typed_names*.
    """
    is_list = isinstance(listed_names, Iterable) and not isinstance(listed_names, (str, bytes))
    names = tuple(listed_names) if is_list else ()
    if not is_list or not all(isinstance(name, str) for name in names):
        raise ValueError(
            f"listed_names is {listed_names!r}; it must be a list of the names of details"
        )
    for name in names:
        if name in TYPED_DETAILS or name in (typed_names or {}):
            raise ValueError(f"listed_names has {name!r}, which has a type already")
    return dict.fromkeys(names, _names_and_values)


def _names_and_values(value: object) -> list[dict[str, Any]] | None:
    """Return the entries of a mapping, or pairs, as objects: their texts are no names any more."""
    kind = type(value)
    if issubclass(kind, dict):
        # One of several values for each name, such as Django's, has them as lists.
        pairs: Any = list(dict.items(value))  # type: ignore[arg-type]
    elif hasattr(kind, "items"):
        pairs = value.items()  # type: ignore[attr-defined]
    else:
        pairs = value if kind is list or kind is tuple else to_jsonable(value)
    listed = []
    for pair in islice(pairs, ITEMS_LIMIT):
        if type(pair) not in (tuple, list) or len(pair) != 2:
            return None
        name, item = pair
        items = [*map(_text_of, item)] if type(item) in (list, tuple) else _text_of(item)
        listed.append({"name": _text_of(name), "value": items})
    return listed


def _text_of(value: object) -> str | None:
    return None if value is None else _string_of(value)


def _each(convert: Callable[[object], Any]) -> Callable[[object], Any]:
    """Return a function that converts a value, or each item of an array."""

    def converted(value: object) -> Any:
        value = value if type(value) in _COMPARABLE else to_jsonable(value)
        if type(value) is not list and type(value) is not tuple:
            return convert(value)
        items = [convert(item) for item in value if item is not None]
        return None if None in items else items

    return converted


def _string_of(value: object) -> str | None:
    # As JSON writes it: a keyword of an index says the same of a boolean.
    text = {True: "true", False: "false"}[value] if type(value) is bool else safe_str(value)
    return no_date(text)


def _integer_of(value: object) -> int | None:
    return value if type(value) is int else None


def _float_of(value: object) -> float | None:
    return float(value) if type(value) in (int, float) else None  # type: ignore[arg-type]


_CONVERSIONS: Mapping[type, Callable[[object], Any]] = {
    bool: _exact_boolean_of,
    float: _float_of,
    int: _integer_of,
    str: _string_of,
}
