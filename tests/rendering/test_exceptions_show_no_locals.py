"""Exceptions reach MozDef complete, whichever processor comes first, without local variables."""

import asyncio
import sys

import orjson
import pytest
import structlog
from structlog.processors import (
    ExceptionRenderer,
    StackInfoRenderer,
    dict_tracebacks,
    format_exc_info,
)
from structlog.tracebacks import ExceptionDictTransformer, Stack
from support import hostile
from support.destinations import KeptEvents

from structlog_mozdef import MozDefLogger, MozDefRenderer, Redactor

SECRET = "hunter" + "2-in-a-local-variable"


def fail():
    password = SECRET
    raise ValueError(f"bad {len(password)}")


def caught():
    try:
        fail()
    except ValueError as error:
        return error


def details_of(*processors, method="info", **event_dict):
    for processor in processors:
        event_dict = processor(None, method, event_dict)
    return orjson.loads(MozDefRenderer()(None, method, event_dict))["details"]


def test_exception_is_described():
    """An exception becomes its type, message and stack, and the event an error."""
    details = details_of(exc_info=caught())
    stack = details["exception"].pop("stack")
    assert (details, "in fail" in stack, stack.endswith("ValueError: bad 27")) == (
        {"exception": {"type": "ValueError", "message": "bad 27"}, "error": True},
        True,
        True,
    )


def test_active_exception_is_described():
    """``exc_info=True`` means the exception that is being handled."""
    try:
        fail()
    except ValueError:
        details = details_of(exc_info=True)
    assert details["exception"]["type"] == "ValueError"


def test_triple_is_described():
    """What ``sys.exc_info()`` gives is understood."""
    try:
        fail()
    except ValueError:
        details = details_of(exc_info=sys.exc_info())
    assert details["exception"]["message"] == "bad 27"


def test_traceback_of_a_triple():
    """The traceback of a triple counts, even if the exception has lost its own."""
    error = caught()
    traceback = error.__traceback__
    details = details_of(exc_info=(ValueError, error.with_traceback(None), traceback))
    assert "in fail" in details["exception"]["stack"]


@pytest.mark.parametrize("exc_info", [True, False, None, (None, None, None), (), 0])
def test_no_exception_is_no_error(exc_info):
    """Without an exception, the event does not mention one."""
    assert details_of(exc_info=exc_info) == {}


def test_causes_are_in_the_stack():
    """The causes of an exception are in its stack."""
    try:
        try:
            fail()
        except ValueError as error:
            raise KeyError("outer") from error
    except KeyError as error:
        stack = details_of(exc_info=error)["exception"]["stack"]
    assert ("ValueError: bad 27" in stack, "direct cause" in stack) == (True, True)


def test_class_is_named_with_its_module():
    """A class that is not built in is named with its module."""
    assert (
        details_of(exc_info=hostile.BoomError("x"))["exception"]["type"]
        == "support.hostile.BoomError"
    )


PROCESSORS = {
    "none": (),
    "format_exc_info": (format_exc_info,),
    "dict_tracebacks": (dict_tracebacks,),
    "locals shown": (ExceptionRenderer(ExceptionDictTransformer(show_locals=True)),),
    "redactor": (Redactor(),),
    "redactor after dict_tracebacks": (dict_tracebacks, Redactor()),
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_order_of_processors_loses_no_exception(name):
    """Whichever processor looks at ``exc_info`` before, the exception is in the event."""
    details = details_of(*PROCESSORS[name], exc_info=caught())
    stack = details["exception"]["stack"]
    assert (details["error"], "ValueError: bad 27" in stack, "fail" in stack) == (True, True, True)


@pytest.mark.parametrize("name", PROCESSORS)
def test_traceback_leaks_no_local_variable(name):
    """Credentials in local variables do not leave the process with a traceback."""
    assert SECRET not in str(details_of(*PROCESSORS[name], exc_info=caught()))


def test_dict_tracebacks_are_described():
    """The result of ``dict_tracebacks`` has type and message as well."""
    details = details_of(dict_tracebacks, exc_info=caught())
    exception = details["exception"]
    assert (exception["type"], exception["message"]) == ("ValueError", "bad 27")


@pytest.mark.parametrize(
    "processors",
    [
        (),
        pytest.param(
            (dict_tracebacks,),
            marks=pytest.mark.skipif(
                "exceptions" not in Stack.__dataclass_fields__,
                reason="this structlog leaves the members of a group out",
            ),
        ),
    ],
)
def test_members_of_a_group_are_in_the_stack(processors):
    """The exceptions of a group are in the stack."""
    group = ExceptionGroup("several", [caught(), KeyError("inner")])
    try:
        raise group
    except Exception as error:
        stack = details_of(*processors, exc_info=error)["exception"]["stack"]
    assert ("bad 27" in stack, "KeyError" in stack) == (True, True)


@pytest.mark.parametrize("value", [[{"id": 5}], {"id": 5}, 5, [1, 2], []])
def test_own_field_named_exception_is_kept(value):
    """The program's own field "exception" stays as it is."""
    assert details_of(exception=value) == {"exception": value}


def test_own_fields_are_renamed():
    """Fields by the names that the exception needs are kept under others."""
    details = details_of(exc_info=caught(), exception=[1], error="mine")
    assert (details["exception_2"], details["error_2"]) == ([1], "mine")


class UnprintableError(Exception):
    __str__ = __repr__ = hostile.boom


class NamelessError(Exception, metaclass=hostile.Meta):
    pass


@pytest.mark.parametrize("kind", [UnprintableError, NamelessError], ids=["text", "name"])
def test_hostile_exception_is_described(kind):
    """An exception whose own methods fail is an error all the same."""
    details = details_of(exc_info=kind("x"), username="kang")
    assert (details["error"], details["username"]) == (True, "kang")


def test_long_chain_of_causes():
    """A chain of ten thousand causes is described like others."""
    error = ValueError("first")
    for _ in range(10_000):
        following = ValueError("next")
        following.__cause__ = error
        error = following
    assert details_of(exc_info=error)["exception"]["type"] == "ValueError"


def test_stack_of_the_log_call():
    """``stack_info=True`` gives the stack of the log call, without frames of the logging itself."""
    stack = details_of(stack_info=True)["stack"]
    assert ("in details_of" in stack, "renderer.py" in stack) == (True, False)


@pytest.mark.skipif(
    not hasattr(structlog.contextvars, "_ASYNC_CALLING_STACK"),
    reason="this structlog does not keep the frame of an awaited log call",
)
def test_stack_of_an_awaited_log_call():
    """``stack_info=True`` of ``ainfo`` gives the stack of what awaits it, not of its thread."""
    destination = KeptEvents()
    log = structlog.wrap_logger(
        MozDefLogger(destination),
        [MozDefRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )

    async def awaiting_function():
        await log.ainfo("hello", stack_info=True)

    asyncio.run(awaiting_function())
    stack = destination.event["details"]["stack"]
    assert ("in awaiting_function" in stack, "structlog" in stack) == (True, False)


def test_stack_of_structlogs_own_processor():
    """What ``StackInfoRenderer`` made is kept."""
    assert "in details_of" in details_of(StackInfoRenderer(), stack_info=True)["stack"]


@pytest.mark.parametrize("stack_info", [False, None, ""])
def test_no_stack_is_no_field(stack_info):
    """Without a stack there is no field for it."""
    assert details_of(stack_info=stack_info) == {}


def test_stack_in_odd_globals():
    """A log call from code without a module name has a stack."""
    program = "details = details_of(stack_info=True)"
    scope = {"__name__": None, "details_of": details_of}
    exec(program, scope)
    assert "stack" in scope["details"]


def test_exception_method_logs_the_exception():
    """``log.exception`` is an error with its exception."""
    results = []
    log = structlog.wrap_logger(
        None,
        processors=[MozDefRenderer(), lambda _, __, event: results.append(event) or drop()],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    try:
        fail()
    except ValueError:
        log.exception("failed")
    event = orjson.loads(results[0])
    assert (event["severity"], event["details"]["exception"]["type"]) == ("ERROR", "ValueError")


def drop():
    raise structlog.DropEvent


class Loader:
    """A loader of modules that fails to find the source."""

    def get_source(self, name):
        raise RuntimeError(name)


class NotedError(ValueError):
    """An exception whose notes are broken."""

    @property
    def __notes__(self):
        raise RuntimeError

    def __repr__(self):
        raise RuntimeError


def scope_with_a_loader():
    program = "def outer(do):\n    inner(do)\n\ndef inner(do):\n    do()\n"
    scope = {"__name__": "odd", "__loader__": Loader()}
    exec(compile(program, "/srv/odd.py", "exec"), scope)
    return scope


def raise_syntax_error():
    raise SyntaxError("bad", (b"/srv/x.py", b"1", "2", b"x = (", 1, 2))


def raise_noted():
    raise NotedError("bad")


FRAMES = ['File "/srv/odd.py", line 2, in outer', 'File "/srv/odd.py", line 5, in inner']


@pytest.mark.parametrize("fails", [fail, raise_syntax_error, raise_noted])
def test_frames_of_a_stack_that_cannot_be_formatted(fails):
    """Each frame keeps its file, line and function, also those of the exceptions before it."""
    try:
        scope_with_a_loader()["outer"](fails)
    except Exception as error:
        first = error
    try:
        raise KeyError("later") from first
    except KeyError as error:
        stack = details_of(exc_info=error)["exception"]["stack"]
    found = [stack.find(part) for part in (*FRAMES, f"in {fails.__name__}", "KeyError: 'later'")]
    assert -1 not in found
    assert found == sorted(found)


def test_frames_of_a_group_that_cannot_be_formatted():
    """The members of a group keep their frames as well."""
    try:
        scope_with_a_loader()["outer"](fail)
    except ValueError as error:
        group = ExceptionGroup("several", [error, KeyError("other")])
    stack = details_of(exc_info=group)["exception"]["stack"]
    assert all(part in stack for part in (*FRAMES, "ValueError: bad 27", "KeyError: 'other'"))


def test_stack_of_a_log_call_that_cannot_be_formatted():
    """The stack of the log call keeps its frames."""
    events = []
    scope_with_a_loader()["outer"](lambda: events.append(details_of(stack_info=True)))
    assert all(frame in events[0]["stack"] for frame in FRAMES)


@pytest.mark.parametrize(
    ("exc_info", "expected"),
    [
        (ValueError, ("ValueError", "", "ValueError")),
        ((ValueError, None, None), ("ValueError", "", "ValueError")),
        ((ValueError, "bad", None), ("ValueError", "bad", "ValueError: bad")),
        ((NotedError,), (f"{__name__}.NotedError", "", f"{__name__}.NotedError")),
    ],
)
def test_class_instead_of_an_exception(exc_info, expected):
    """An exception of which only the class was given leaves a trace."""
    details = details_of(exc_info=exc_info)
    type_, message, stack = expected
    assert details == {
        "exception": {"type": type_, "message": message, "stack": stack},
        "error": True,
    }


def test_class_with_a_traceback():
    """The traceback beside a class shows where it came from."""
    stack = details_of(exc_info=(ValueError, None, caught().__traceback__))["exception"]["stack"]
    assert ("in fail" in stack, stack.endswith("\nValueError")) == (True, True)


def test_class_of_the_exception_that_is_being_handled():
    """It means that exception."""
    try:
        fail()
    except ValueError:
        details = details_of(exc_info=ValueError)
    assert details["exception"]["message"] == "bad 27"


@pytest.mark.parametrize("exc_info", [(None, None, None), (), int, ("ValueError", None, None)])
def test_no_exception(exc_info):
    """What names no exception is no error."""
    assert details_of(exc_info=exc_info) == {}
