"""Processors by their dotted names, as JSON, YAML and other files of settings have them."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import Processor

_FACTORY = "()"
_EXTERNAL = "ext://"


def processors_of(processors: Iterable[Any]) -> list[Processor]:
    """Return *processors*, those that are given by name loaded, and classes instantiated.

    Raises:
        ValueError: one cannot be called or loaded, in one sentence that names it.
    """
    if isinstance(processors, (str, bytes, Mapping)) or not isinstance(processors, Iterable):
        raise ValueError(f"processors is {processors!r}; it must be a list of processors")
    return [_processor_of(processor) for processor in processors]


def _processor_of(given: Any) -> Processor:
    arguments: dict[str, Any] = {}
    processor = given
    if isinstance(given, Mapping):
        arguments = dict(given)
        processor = arguments.pop(_FACTORY, None)
    if isinstance(processor, str):
        processor = _loaded(processor)
    if isinstance(given, Mapping) or isinstance(processor, type):
        processor = _made(processor, arguments, given)
    if not callable(processor):
        raise ValueError(
            f"processors has {given!r}; it must be a function, or the dotted name of one"
        )
    return processor  # type: ignore[no-any-return]


def _loaded(name: str) -> Any:
    """Return the object with the dotted *name*: ``module.function`` or ``module:Class.method``."""
    module_name, _, rest = name.strip().removeprefix(_EXTERNAL).replace(":", ".").partition(".")
    try:
        found: Any = importlib.import_module(module_name)
        for part in rest.split("."):
            module_name = f"{module_name}.{part}"
            if not hasattr(found, part):
                importlib.import_module(module_name)
            found = getattr(found, part)
    except Exception as error:  # a module of the program may raise anything
        raise ValueError(
            f"processors has {name!r}; it must be the dotted name of a processor: {error}"
        ) from error
    return found


def _made(factory: Any, arguments: dict[str, Any], given: Any) -> Any:
    try:
        return factory(**arguments)
    except Exception as error:  # it may be a class of the program
        raise ValueError(f"processors has {given!r}, which cannot be made: {error}") from error
