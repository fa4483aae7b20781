"""pytest has the fixture `mozdef_events`, and is the same as ever for tests that do not use it."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

import pytest

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "testing.rst"

APPLICATION = """
    import structlog
    import structlog_mozdef as mozdef
    from structlog_mozdef.testing import MemoryTransport

    log = structlog.get_logger("accounts")

    def main():
        mozdef.configure(MemoryTransport(), tags=["app"])

    def log_in(name):
        log.info("User logged in", username=name)
"""


@pytest.fixture
def run(pytester):
    """Run pytest as a user does: in a process of its own, with warnings as errors."""

    def run(*arguments):
        return pytester.runpytest_subprocess(
            "-W", "error", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *arguments
        )

    return run


def test_programs_of_all_kinds(pytester, run):
    """Tests see the events of their own only, in each worker, however the program is configured."""
    pytester.makepyfile(application=APPLICATION)
    pytester.makeconftest("import application; application.main(); application.log_in('early')")
    for number in range(3):
        pytester.makepyfile(
            **{
                f"test_{number}": """
                import application, pytest, structlog, threading

                @pytest.mark.parametrize("name", ["a", "b", "c"])
                def test_cached(mozdef_events, name):
                    application.log_in(name)
                    mozdef_events.one(username=name, tags=["app"], severity="INFO")
                    assert len(mozdef_events) == 1

                def test_configured_again(mozdef_events):
                    application.main()
                    application.log_in("again")
                    mozdef_events.one(summary="User logged in", username="again")

                def test_in_a_thread(mozdef_events):
                    thread = threading.Thread(target=application.log_in, args=["threaded"])
                    thread.start()
                    thread.join()
                    mozdef_events.one(username="threaded")

                def test_nothing(mozdef_events):
                    mozdef_events.none()
                """
            }
        )
    run("-n", "2").assert_outcomes(passed=18)


def test_beside_other_fixtures(pytester, run):
    """Fixtures of pytest, checks of unittest, async code and fixtures with parameters work."""
    pytester.makepyfile(application=APPLICATION)
    pytester.makepyfile(
        """
        import asyncio, logging, unittest
        import application, pytest, structlog
        import structlog_mozdef as mozdef

        @pytest.fixture(params=["kang", "mallory"])
        def user(request, mozdef_events):
            application.log_in(request.param)
            return request.param

        def test_parameters(user, mozdef_events):
            assert mozdef_events.one()["details"]["username"] == user

        def test_caplog_and_capsys(mozdef_events, caplog, capsys):
            application.main()
            logging.getLogger("framework").warning("other")
            application.log_in("kang")
            print("printed")
            mozdef_events.one(username="kang")
            assert caplog.messages == ["other"]
            assert capsys.readouterr() == ("printed\\n", "")

        def test_async(mozdef_events):
            async def log_in():
                await structlog.get_logger().ainfo("User logged in", username="kang")
                application.log_in("mallory")

            asyncio.run(log_in())
            assert [event["details"]["username"] for event in mozdef_events] == ["kang", "mallory"]

        def test_logging(mozdef_events):
            handler = mozdef.MozDefHandler("http://127.0.0.1:1/events")
            logging.getLogger("framework").addHandler(handler)
            try:
                logging.getLogger("framework").error("No %s", "page", extra={"status": 404})
            finally:
                logging.getLogger("framework").removeHandler(handler)
            mozdef_events.one(summary="No page", status=404, severity="ERROR")

        def test_flood(mozdef_events, caplog):
            limiter = mozdef.RateLimiter(1, 3600.0, then=[mozdef.MozDefRenderer()])
            processors = [limiter, mozdef.MozDefRenderer()]
            sink = mozdef.Sink("http://127.0.0.1:1/events")
            log = structlog.wrap_logger(mozdef.MozDefLogger(sink), processors=processors)
            for _ in range(5):
                log.info("flood")
            mozdef_events.one(rate_limited={"count": 4})

        class TestWithUnittest(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def capture(self, mozdef_events):
                self.events = mozdef_events

            def test_logs(self):
                with self.assertLogs("framework", "INFO"):
                    logging.getLogger("framework").info("other")
                self.events.none()
                application.log_in("kang")
                self.events.one(username="kang")
        """
    )
    run().assert_outcomes(passed=7)


def test_a_failure_shows_what_there_was(pytester, run):
    """The failure stands at the line of the test, with the events that there were instead."""
    pytester.makepyfile(
        """
        import structlog

        def test_login(mozdef_events):
            structlog.get_logger("accounts").info("User logged in", username="kang")
            mozdef_events.one(summary="User logged in", username="mallory")
        """
    )
    result = run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       mozdef_events.one(summary="User logged in", username="mallory")',
            "E       AssertionError: no event with summary='User logged in', username='mallory'*",
            "E         1. INFO accounts: 'User logged in' username='kang'",
            "E            username is 'kang'",
            "test_a_failure_shows_what_there_was.py:5: AssertionError",
        ]
    )


def test_other_tests_notice_nothing(pytester, run):
    """Without the fixture nothing is loaded but the plugin, and structlog is what it was."""
    pytester.makepyfile(
        """
        import sys

        def test_modules():
            ours = {name for name in sys.modules if name.partition(".")[0] == "structlog_mozdef"}
            plugin = {"structlog_mozdef.pytest_plugin", "structlog_mozdef._version"}
            assert ours == {"structlog_mozdef", *plugin}
            assert "structlog" not in sys.modules

        def test_capture_logs():
            import structlog
            with structlog.testing.capture_logs() as captured:
                structlog.get_logger().info("hello")
            assert captured == [{"event": "hello", "log_level": "info"}]
        """
    )
    run("-p", "no:anyio").assert_outcomes(passed=2)


def test_documented_tests_run(pytester, run):
    """The tests in the documentation pass, those of unittest under pytest as well."""
    text = DOCUMENTATION.read_text("utf-8")
    blocks = re.findall(r"code-block:: python\n\n((?:    .*\n|\n)+)", text)
    for number, block in enumerate(blocks):
        pytester.makepyfile(**{f"test_block_{number}": textwrap.dedent(block)})
    run("test_block_0.py", "test_block_1.py").assert_outcomes(passed=3)
    assert pytester.run(sys.executable, "-W", "error", "-m", "unittest", "test_block_1").ret == 0
