"""The id-based functions: argument rules, configurations, reference counts, exception snapshots."""

import json
import sys
from types import SimpleNamespace

import pytest

from atoll.lowlevel import interpreters as low
from atoll.lowlevel.interpreters import (
    InterpreterError,
    InterpreterNotFoundError,
    NotShareableError,
)


@pytest.fixture
def id():
    made = low.create()
    yield made
    try:
        low.destroy(made)
    except InterpreterNotFoundError:
        pass


BY_ID = [
    low.whence,
    low.get_config,
    low.destroy,
    low.incref,
    low.decref,
    low.is_running,
    lambda i: low.exec(i, "pass"),
    lambda i: low.run_string(i, "pass"),
    lambda i: low.run_func(i, lambda: None),
    lambda i: low.call(i, len, ((),)),
    lambda i: low.set___main___attrs(i, {"x": 1}),
]


@pytest.mark.parametrize("function", BY_ID)
@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (-1, ValueError),
        ("1", TypeError),
        (1.0, TypeError),
        (None, TypeError),
        (2**63, OverflowError),
        (2**62, InterpreterNotFoundError),
    ],
)
def test_ids(function, bad, error):
    with pytest.raises(error):
        function(bad)


def test_discovery(id):
    assert low.get_main() == (0, low.WHENCE_RUNTIME) == low.get_current()
    assert low.list_all()[0] == (0, low.WHENCE_RUNTIME)
    assert (id, low.WHENCE_STDLIB) in low.list_all(require_ready=True)
    assert low.whence(id) == low.WHENCE_STDLIB
    with pytest.raises(TypeError):
        low.list_all(True)


def test_restrict_refuses_what_atoll_did_not_make():
    for function in (low.destroy, low.get_config, low.is_running):
        with pytest.raises(InterpreterError, match="unrecognized interpreter 0"):
            function(0, restrict=True)
    with pytest.raises(InterpreterError, match="unrecognized"):
        low.exec(0, "pass", restrict=True)
    with pytest.raises(InterpreterError, match="unrecognized"):
        low.call(0, len, restrict=True)


@pytest.mark.parametrize("former", [0, 1])  # the first one imports modules as well
def test_create_without_memory(run_source, former):
    """From the very first allocation on: CPython itself does not survive all later ones."""
    pytest.importorskip("_testcapi")
    run_source(f"""
        import _testcapi
        from atoll.lowlevel import interpreters as low

        for id in [low.create() for _ in range({former})]:
            low.destroy(id)
        create, give_back = low.create, _testcapi.remove_mem_hooks
        errors = low.InterpreterError, MemoryError
        refused = False
        _testcapi.set_nomemory(0)
        try:
            create()
        except errors:
            refused = True
        finally:
            give_back()
        assert refused
        assert len(low.list_all()) == 1
        low.destroy(low.create())
    """)


@pytest.mark.parametrize("former", [0, 1])
def test_create_without_a_single_allocation(run_source, former):
    pytest.importorskip("_testcapi")
    run_source(f"""
        import _testcapi
        from atoll.lowlevel import interpreters as low

        for id in [low.create() for _ in range({former})]:
            low.destroy(id)
        create = low.create
        _testcapi.set_nomemory(0, 1)
        try:
            create()
        except low.InterpreterError as error:
            refused = str(error)
        finally:
            _testcapi.remove_mem_hooks()
        assert refused.startswith("interpreter creation failed: ")
    """)


class TestConfig:
    def test_presets_and_overrides(self):
        isolated = low.new_config()
        assert type(isolated) is SimpleNamespace
        assert (
            isolated
            == low.new_config("isolated")
            == low.new_config("")
            == low.new_config("default")
        )
        assert isolated is not low.new_config()
        changed = low.new_config("empty", gil="shared", use_main_obmalloc=True)
        made = low.create(changed)
        assert low.get_config(made) == changed
        low.destroy(made)
        assert low.get_config(0).gil == "own"

    @pytest.mark.parametrize(
        ("overrides", "error"),
        [
            ({"spam": True}, ValueError),
            ({"allow_fork": 1}, TypeError),
            ({"gil": "mine"}, ValueError),
            ({"gil": ""}, ValueError),
            ({"gil": 1}, TypeError),
        ],
    )
    def test_bad_overrides(self, overrides, error):
        with pytest.raises(error):
            low.new_config(**overrides)

    def test_bad_configs(self):
        with pytest.raises(ValueError, match="lacks"):
            low.create(SimpleNamespace(gil="own"))
        extra = low.new_config()
        extra.spam = True
        with pytest.raises(ValueError, match="spam"):
            low.create(extra)
        with pytest.raises(InterpreterError):
            low.create("empty")
        with pytest.raises(InterpreterError, match="own GIL"):
            low.create(low.new_config(use_main_obmalloc=True))
        for bad in (5, object(), {}):
            with pytest.raises(TypeError):
                low.create(bad)


class TestReferences:
    def test_linked_interpreters_end_with_their_last_reference(self):
        linked = low.create(reqrefs=True)
        low.incref(linked)
        low.incref(linked)
        low.decref(linked)
        assert low.whence(linked)
        low.decref(linked)
        with pytest.raises(InterpreterNotFoundError):
            low.whence(linked)

    def test_others_do_not(self, id):
        low.decref(id)
        low.incref(id)
        low.decref(id)
        assert low.whence(id)
        low.incref(id, implieslink=True)
        low.decref(id)
        with pytest.raises(InterpreterNotFoundError):
            low.whence(id)


class TestRunning:
    def test_exec_returns_none_or_a_snapshot(self, id):
        assert low.exec(id, "x = 1") is None
        info = low.exec(id, "raise ValueError('spam')")
        assert vars(info).keys() == {"type", "msg", "formatted", "errdisplay"}
        assert vars(info.type) == {
            "__name__": "ValueError",
            "__qualname__": "ValueError",
            "__module__": "builtins",
        }
        assert (info.msg, info.formatted) == ("spam", "ValueError: spam")
        json.dumps({**vars(info), "type": vars(info.type)})

    def test_shared_names(self, id):
        assert low.exec(id, "assert (a, b) == (1, b'x')", {"a": 1, "b": b"x"}) is None
        with pytest.raises(NotShareableError):
            low.exec(id, "c = 1", {"c": []})
        with pytest.raises(TypeError, match="must be dict, not int"):
            low.exec(id, "pass", 1)
        with pytest.raises(TypeError, match="must be dict, not None"):
            low.exec(id, "pass", shared=None)

    def test_run_string_and_run_func_take_their_kind_only(self, id):
        for bad in (b"pass", 10, lambda: None):
            with pytest.raises(TypeError):
                low.run_string(id, bad)
        for bad in ("pass", 10, len):
            with pytest.raises(TypeError):
                low.run_func(id, bad)
        assert low.run_func(id, lambda: None) is None

    def test_call(self, id):
        assert low.call(id, divmod, (7, 2)) == ((3, 1), None)
        assert low.call(id, dict, (), {"a": 1}) == ({"a": 1}, None)
        result, info = low.call(id, divmod, (1, 0))
        assert result is None
        assert info.type.__name__ == "ZeroDivisionError"
        for args, kwargs in (([], {}), ((), [])):
            with pytest.raises(TypeError):
                low.call(id, len, args, kwargs)
        with pytest.raises(TypeError, match="callable"):
            low.call(id, 5)

    def test_main_attributes(self, id):
        low.set___main___attrs(id, {"not an identifier": 1, "__name__": "renamed"})
        assert low.call(id, eval, ("(globals()['not an identifier'], __name__)",)) == (
            (1, "renamed"),
            None,
        )
        with pytest.raises(ValueError):
            low.set___main___attrs(id, {})
        with pytest.raises(TypeError):
            low.set___main___attrs(id, {1: 2})
        with pytest.raises(UnicodeEncodeError):
            low.set___main___attrs(id, {"\udc80": 2})

    def test_the_main_interpreter_always_runs(self):
        assert low.is_running(0)
        with pytest.raises(InterpreterError, match="already running"):
            low.exec(0, "pass")


class TestCaptureException:
    def test_snapshot(self):
        try:
            raise ValueError("spam") from KeyError("eggs")
        except ValueError as exc:
            info = low.capture_exception(exc)
        assert "KeyError: 'eggs'" in info.errdisplay
        assert "direct cause" in info.errdisplay
        assert low.capture_exception() is None
        assert low.capture_exception(None) is None
        with pytest.raises(TypeError):
            low.capture_exception(5)

    def test_traceback_formatting_is_looked_up(self, monkeypatch):
        import traceback

        for lines, expected in ((["hello\n", "world\n"], "hello\nworld"), ([], "")):
            monkeypatch.setattr(
                traceback.TracebackException, "format", lambda self, lines=lines: lines
            )
            assert low.capture_exception(ValueError()).errdisplay == expected
        monkeypatch.setattr(traceback.TracebackException, "format", lambda self: [1])
        assert not hasattr(low.capture_exception(ValueError()), "errdisplay")


def test_ten_thousand_calls_leave_nothing(id):
    before = sys.getrefcount(None)
    for _ in range(10_000):
        low.call(id, divmod, (7, 2))
        low.exec(id, "x = 1")
    assert abs(sys.getrefcount(None) - before) < 100
