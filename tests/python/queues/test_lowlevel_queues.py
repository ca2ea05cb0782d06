"""Queues by id: atoll.lowlevel.queues."""

import threading

import pytest

from atoll import interpreters
from atoll.interpreters import InterpreterError, NotShareableError, QueueEmpty, QueueFull
from atoll.interpreters import _queues as highlevel
from atoll.lowlevel import queues
from atoll.lowlevel.queues import QueueError, QueueNotFoundError

REMOVE, ERROR, UNBOUND, KEEP = 1, 2, 3, 0


@pytest.fixture
def qid():
    made = queues.create(0)
    yield made
    try:
        queues.destroy(made)
    except QueueNotFoundError:
        pass


def in_a_dead_interpreter(source):
    interp = interpreters.create()
    interp.exec(f"from atoll.lowlevel import queues\n{source}")
    interp.close()


FUNCTIONS_OF_ID = [
    queues.destroy,
    queues.bind,
    queues.release,
    queues.get,
    queues.get_count,
    queues.get_maxsize,
    queues.get_queue_defaults,
    queues.is_full,
    lambda qid: queues.put(qid, 1),
]


class TestIds:
    @pytest.mark.parametrize("function", FUNCTIONS_OF_ID)
    @pytest.mark.parametrize(
        ("id", "error", "text"),
        [
            ("1", TypeError, "queue ID must be an int, got str"),
            (1.0, TypeError, "queue ID must be an int, got float"),
            (None, TypeError, "queue ID must be an int, got NoneType"),
            (-1, ValueError, "queue ID must be a non-negative int, got -1"),
            (2**63, OverflowError, "queue ID"),
            (-(2**63) - 1, ValueError, "non-negative"),
            (2**63 - 1, QueueNotFoundError, f"queue {2**63 - 1} not found"),
        ],
    )
    def test_bad_ones(self, function, id, error, text):
        with pytest.raises(error, match=text):
            function(id)

    def test_parameters_have_names(self):
        qid = queues.create(maxsize=2, unboundop=-1, fallback=-1)
        queues.put(qid=qid, obj=1, unboundop=3, fallback=1)
        assert queues.get(qid=qid) == (1, None)
        assert queues.get_count(qid=qid) == 0
        queues.destroy(qid=qid)

    def test_new_ones_ascend(self, qid):
        other = queues.create(1)
        assert other == qid + 1
        queues.destroy(other)
        another = queues.create(1)
        assert another == qid + 2
        queues.destroy(another)


class TestLife:
    def test_list_all_tells_the_defaults_the_newest_first(self, qid):
        other = queues.create(3, REMOVE, 0)
        listed = queues.list_all()
        assert listed.index((other, REMOVE, 0)) < listed.index((qid, UNBOUND, 1))
        queues.destroy(other)
        assert other not in [entry[0] for entry in queues.list_all()]

    @pytest.mark.parametrize("function", FUNCTIONS_OF_ID)
    def test_a_destroyed_one_is_not_found(self, qid, function):
        queues.destroy(qid)
        with pytest.raises(QueueNotFoundError, match=f"queue {qid} not found"):
            function(qid)

    def test_release_without_bind(self, qid):
        with pytest.raises(QueueError, match=f"queue {qid} never bound") as raised:
            queues.release(qid)
        assert type(raised.value) is QueueError
        assert queues.get_count(qid) == 0

    def test_the_last_release_destroys(self, qid):
        queues.bind(qid)
        queues.bind(qid)
        queues.release(qid)
        assert queues.get_count(qid) == 0
        queues.release(qid)
        with pytest.raises(QueueNotFoundError):
            queues.get_count(qid)

    def test_binds_of_a_dead_interpreter_are_released(self, qid):
        in_a_dead_interpreter(f"queues.bind({qid}); queues.bind({qid})")
        with pytest.raises(QueueNotFoundError):
            queues.get_count(qid)

    def test_queues_are_the_process_s(self, qid):
        in_a_dead_interpreter(f"queues.put({qid}, 'hello', 0)")
        assert queues.get(qid) == ("hello", None)

    def test_those_that_nobody_bound_outlive_their_creator(self):
        before = {entry[0] for entry in queues.list_all()}
        in_a_dead_interpreter("queues.create(5)")
        (left,) = {entry[0] for entry in queues.list_all()} - before
        assert queues.get_maxsize(left) == 5
        queues.destroy(left)

    def test_leftovers_make_no_noise_at_exit(self, run_python):
        done = run_python(
            "-c", "from atoll.lowlevel import queues as q; q.put(q.create(0), 'x')", check=True
        )
        assert done.stdout == done.stderr == ""


class TestCreate:
    @pytest.mark.parametrize("args", [(0, 4), (0, 99), (0, 3, 2), (0, -1, 99)])
    def test_unsupported_values(self, args):
        with pytest.raises(ValueError, match="unsupported"):
            queues.create(*args)

    @pytest.mark.parametrize("args", [(), ("1",), (1.5,), (None,), (0, "1"), (0, 3, "1")])
    def test_wrong_types(self, args):
        with pytest.raises(TypeError):
            queues.create(*args)

    def test_too_large(self):
        with pytest.raises(OverflowError):
            queues.create(2**70)

    @pytest.mark.parametrize("flag", [REMOVE, ERROR, UNBOUND, KEEP])
    @pytest.mark.parametrize("fallback", [0, 1])
    def test_defaults_are_reported(self, flag, fallback):
        qid = queues.create(4, flag, fallback)
        assert queues.get_queue_defaults(qid) == (flag, fallback)
        assert queues.get_maxsize(qid) == 4
        queues.destroy(qid)

    def test_negative_flags_mean_the_default(self):
        qid = queues.create(-3, -1, -1)
        assert queues.get_queue_defaults(qid) == (UNBOUND, 1)
        assert queues.get_maxsize(qid) == -3
        queues.destroy(qid)


class TestItems:
    def test_put_and_get(self, qid):
        queues.put(qid, [1, {"a": None}])
        assert queues.get_count(qid) == 1
        assert queues.get(qid) == ([1, {"a": None}], None)

    def test_registered_exceptions(self, qid):
        with pytest.raises(QueueEmpty, match=f"queue {qid} is empty"):
            queues.get(qid)
        full = queues.create(1)
        assert queues.is_full(full) is False
        queues.put(full, 1)
        assert queues.is_full(full) is True
        with pytest.raises(QueueFull, match=f"queue {full} is full"):
            queues.put(full, object.__new__(type("Unsendable", (), {"__reduce_ex__": None})))
        queues.destroy(full)

    def test_without_fallback_only_shareable_objects_pass(self, qid):
        for bad in ([], {}, len, ..., 2**70, ([],)):
            with pytest.raises(NotShareableError):
                queues.put(qid, bad, -1, 0)
        for good in (None, 1, "s", b"b", 0.5, (1, ("x",))):
            queues.put(qid, good, -1, 0)
            assert queues.get(qid) == (good, None)
        strict = queues.create(0, -1, 0)
        with pytest.raises(NotShareableError):
            queues.put(strict, [])
        queues.put(strict, [], -1, 1)
        assert queues.get(strict) == ([], None)
        queues.destroy(strict)

    @pytest.mark.parametrize("args", [(4,), (99,), (-1, 2)])
    def test_unsupported_values(self, qid, args):
        with pytest.raises(ValueError, match="unsupported"):
            queues.put(qid, 1, *args)
        assert queues.get_count(qid) == 0

    @pytest.mark.parametrize(
        ("flag", "expected"),
        [(UNBOUND, (None, UNBOUND)), (ERROR, (None, ERROR)), (KEEP, ("x", None)), (REMOVE, None)],
    )
    def test_items_of_a_dead_interpreter(self, qid, flag, expected):
        in_a_dead_interpreter(f"queues.put({qid}, 'x', {flag})")
        if expected is None:
            assert queues.get_count(qid) == 0
        else:
            assert queues.get(qid) == expected

    def test_the_effect_is_complete_in_every_queue_when_close_returns(self):
        ids = [queues.create(0, REMOVE) for _ in range(50)]
        interp = interpreters.create()
        interp.exec(
            "from atoll.lowlevel import queues\n"
            f"for qid in {ids}:\n for i in range(20): queues.put(qid, i)"
        )
        for qid in ids:
            queues.put(qid, "ours")
            assert queues.get_count(qid) == 21
        interp.close()
        for qid in ids:
            assert queues.get_count(qid) == 1
            assert queues.get(qid) == ("ours", None)
            queues.destroy(qid)

    def test_what_comes_first_from_the_dead_but_was_put_again_stays(self, qid):
        interp = interpreters.create()
        interp.exec(f"from atoll.lowlevel import queues; queues.put({qid}, 'passed on', {REMOVE})")
        queues.put(qid, queues.get(qid)[0], REMOVE)
        interp.close()
        assert queues.get(qid) == ("passed on", None)


class TestRegistration:
    def test_it_can_be_replaced(self):
        class Empty(QueueError):
            pass

        class Full(QueueError):
            pass

        class Handle:
            def __init__(self, id):
                self.id = id

        qid = queues.create(1)
        queues.bind(qid)  # an object on its way is a bind, too: the first and last one without this
        try:
            queues._register_heap_types(Handle, Empty, Full)
            assert interpreters.is_shareable(Handle(qid))
            with pytest.raises(Empty):
                queues.get(qid)
            queues.put(qid, Handle(qid))
            with pytest.raises(Full):
                queues.put(qid, 1)
            received, _ = queues.get(qid)
            assert type(received) is Handle
            assert received.id == qid
        finally:
            queues._register_heap_types(highlevel.Queue, QueueEmpty, QueueFull)
            queues.destroy(qid)
        assert not interpreters.is_shareable(Handle(qid))

    @pytest.mark.parametrize(
        "args",
        [
            (),
            (1, QueueEmpty, QueueFull),
            (highlevel.Queue, 1, QueueFull),
            (highlevel.Queue, QueueEmpty, int),
        ],
    )
    def test_wrong_arguments(self, args):
        with pytest.raises(TypeError):
            queues._register_heap_types(*args)


def test_many_threads_create_and_destroy():
    errors = []

    def work():
        try:
            for _ in range(200):
                qid = queues.create(0)
                queues.put(qid, qid)
                assert queues.get(qid) == (qid, None)
                queues.destroy(qid)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_the_module_has_the_standard_one_s_names():
    _interpqueues = pytest.importorskip("_interpqueues")
    ours = set(dir(queues))
    theirs = {name for name in dir(_interpqueues) if not name.startswith("__")}
    assert theirs <= ours
    assert issubclass(InterpreterError, Exception)
