"""Queues between interpreters through atoll.interpreters."""

import gc
import math
import pickle
import queue as stdlib_queue
import threading
from fractions import Fraction
from textwrap import dedent

import pytest

from atoll import interpreters
from atoll.interpreters import (
    InterpreterError,
    NotShareableError,
    Queue,
    QueueEmpty,
    QueueFull,
    create_queue,
)
from atoll.interpreters import _crossinterp as crossinterp
from atoll.interpreters import _queues as queues
from atoll.interpreters._queues import QueueError, QueueNotFoundError
from atoll.lowlevel import queues as lowlevel


@pytest.fixture
def queue():
    return create_queue()


@pytest.fixture
def interp():
    made = interpreters.create()
    yield made
    try:
        made.close()
    except InterpreterError:
        pass


class Unsendable:
    """Neither pickle nor anything else carries it."""

    def __reduce_ex__(self, protocol):
        raise RuntimeError("stays here")


class TestObject:
    def test_there_is_one_object_per_id(self, queue):
        assert Queue(queue.id) is queue
        assert isinstance(queue.id, int)
        assert hash(queue) == hash(queue.id)
        assert queue == Queue(queue.id)
        assert queue != create_queue()
        assert repr(queue) == f"Queue({queue.id})"

    def test_ids_ascend_and_are_not_reused(self, queue):
        first = create_queue().id
        gc.collect()
        assert first == queue.id + 1
        assert create_queue().id == queue.id + 2

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_pickling_gives_the_same_object(self, queue, protocol):
        assert pickle.loads(pickle.dumps(queue, protocol)) is queue

    @pytest.mark.parametrize(
        ("id", "error"),
        [
            ("1", TypeError),
            (1.0, TypeError),
            (None, TypeError),
            (-1, ValueError),
            (2**63, OverflowError),
            (10**9, QueueNotFoundError),
        ],
    )
    def test_bad_ids(self, id, error):
        with pytest.raises(error):
            Queue(id)

    def test_attributes_are_read_only(self, queue):
        for name in ("id", "maxsize", "unbounditems"):
            with pytest.raises(AttributeError):
                setattr(queue, name, 1)

    @pytest.mark.parametrize("maxsize", [-10, -1, 0, 1, 100])
    def test_maxsize_is_reported_as_given(self, maxsize):
        assert create_queue(maxsize).maxsize == maxsize

    @pytest.mark.parametrize("maxsize", ["1", 1.5, None])
    def test_bad_maxsize(self, maxsize):
        with pytest.raises(TypeError):
            create_queue(maxsize)

    def test_exceptions_are_the_library_s_too(self):
        assert issubclass(QueueEmpty, (stdlib_queue.Empty, QueueError))
        assert issubclass(QueueFull, (stdlib_queue.Full, QueueError))
        assert issubclass(QueueError, RuntimeError)
        assert issubclass(QueueNotFoundError, QueueError)
        assert issubclass(queues.ItemInterpreterDestroyed, crossinterp.ItemInterpreterDestroyed)

    def test_the_package_exports_the_queues_module_s_names(self):
        assert interpreters.create_queue is queues.create
        for name in ("Queue", "QueueEmpty", "QueueFull"):
            assert getattr(interpreters, name) is getattr(queues, name)


class TestLife:
    def test_a_queue_ends_with_its_last_object(self):
        queue = create_queue()
        id = queue.id
        assert id in [listed.id for listed in queues.list_all()]
        del queue
        gc.collect()
        assert id not in [listed[0] for listed in lowlevel.list_all()]

    def test_another_interpreter_s_object_keeps_it(self, queue, interp):
        id = queue.id
        interp.prepare_main(queue=queue)
        queue.put("kept")
        interp.exec("assert queue.qsize() == 1")
        # The creator's object goes; the other interpreter's remains.
        handle = lowlevel.get_count
        del queue
        assert handle(id) == 1
        interp.close()

    def test_an_interpreter_s_end_releases_what_it_had(self, interp):
        interp.exec("from atoll import interpreters; queue = interpreters.create_queue()")
        id = interp.call(eval, "queue.id")
        assert lowlevel.get_count(id) == 0
        interp.close()
        with pytest.raises(QueueNotFoundError):
            lowlevel.get_count(id)

    def test_an_item_keeps_the_queue_that_it_is(self, queue):
        inner = create_queue()
        inner.put("inside")
        id = inner.id
        queue.put([{"queue": inner}])
        del inner
        gc.collect()
        received = queue.get()[0]["queue"]
        assert received.id == id
        assert received.get_nowait() == "inside"
        del received
        gc.collect()
        with pytest.raises(QueueNotFoundError):
            Queue(id)

    def test_a_dropped_item_lets_its_queue_go(self):
        outer, inner = create_queue(), create_queue()
        id = inner.id
        outer.put(inner)
        del inner
        assert lowlevel.get_count(id) == 0
        del outer
        gc.collect()
        with pytest.raises(QueueNotFoundError):
            lowlevel.get_count(id)

    def test_after_destruction_everything_is_not_found(self, queue):
        lowlevel.destroy(queue.id)
        text = f"queue {queue.id} not found"
        for use in (
            queue.get,
            queue.get_nowait,
            lambda: queue.put(1),
            lambda: queue.put_nowait(1),
            lambda: queue.get(timeout=0),
            queue.qsize,
            queue.empty,
            queue.full,
        ):
            with pytest.raises(QueueNotFoundError, match=text):
                use()
        with pytest.raises(NotShareableError):
            create_queue().put(queue)
        assert repr(queue) == f"Queue({queue.id})"

    def test_destruction_wakes_those_who_wait(self, queue):
        full = create_queue(1)
        full.put(0)
        errors = []

        def run(use):
            try:
                use()
            except QueueNotFoundError as error:
                errors.append(error)

        threads = [
            threading.Thread(target=run, args=(use,))
            for use in (queue.get, lambda: full.put(1), lambda: queue.get(timeout=600))
        ]
        for thread in threads:
            thread.start()
        lowlevel.destroy(queue.id)
        lowlevel.destroy(full.id)
        for thread in threads:
            thread.join()
        assert len(errors) == 3


class TestPutAndGet:
    def test_first_in_first_out(self, queue):
        for number in range(1000):
            queue.put(number)
        assert queue.qsize() == 1000
        assert [queue.get() for _ in range(1000)] == list(range(1000))
        assert queue.empty() is True

    @pytest.mark.parametrize(
        "value",
        [
            None,
            True,
            0,
            -1,
            2**62,
            2**64,
            -(10**30),
            0.5,
            math.inf,
            "",
            "text",
            "\udc80",
            "a\0b",
            b"",
            b"bytes",
            (),
            (1, ("two", b"three")),
            [1, [2]],
            {"k": {"n": 1}},
            {1, 2},
            Fraction(1, 3),
            ...,
            len,
            ValueError,
            Fraction,
        ],
        ids=repr,
    )
    def test_values_arrive_equal_and_of_the_same_type(self, queue, value):
        queue.put(value)
        received = queue.get()
        assert received == value
        assert type(received) is type(value)

    def test_bytes_and_containers_arrive_as_new_objects(self, queue):
        for sent in (b"spam", [1], {"a": 1}, "x" * 100):
            queue.put(sent)
            received = queue.get()
            assert received == sent
            assert received is not sent

    def test_a_queue_arrives_as_itself(self, queue, interp):
        inner = create_queue()
        queue.put(inner)
        assert queue.get() is inner
        queue.put(queue)
        assert queue.get() is queue
        interp.prepare_main(queue=queue)
        inner.put("from main")
        queue.put((inner, inner))
        interp.exec(
            dedent("""
            first, second = queue.get()
            assert first is second
            assert first.get() == 'from main'
            first.put('from sub')
            from atoll import interpreters
            queue.put(interpreters.create_queue(7))
        """)
        )
        assert inner.get() == "from sub"
        assert queue.get().maxsize == 7

    def test_a_long_chain_of_queues_that_hold_queues(self, run_python):
        done = run_python(
            "-c",
            dedent("""
            from atoll.interpreters import create_queue
            inner = create_queue()
            for n in range(100_000):
                outer = create_queue()
                outer.put([inner, n])
                inner = outer
            inner = inner.get()
            print(inner[1])
            del inner, outer
            from atoll.lowlevel import queues
            print(queues.list_all())
            """),
            check=True,
        )
        assert done.stdout == "99999\n[]\n"

    def test_an_interpreter_travels_by_its_id(self, queue, interp):
        assert not interpreters.is_shareable(interp)
        queue.put([interp])
        assert queue.get()[0] is interp
        assert interp.call(lambda other: other.id, interp) == interp.id

    def test_bound_methods_travel(self, queue, interp):
        interp.call(queue.put, "called there")
        assert queue.get() == "called there"

    def test_memory_is_shared(self, queue, interp):
        data = bytearray(b"0123456789")
        interp.prepare_main(queue=queue)
        queue.put(memoryview(data))
        interp.exec("view = queue.get(); view[0:2] = b'ab'")
        assert data[:2] == b"ab"
        data[9:10] = b"z"
        assert interp.call(eval, "bytes(view)") == b"ab2345678z"
        with pytest.raises(BufferError):
            data.append(1)
        interp.exec("view.release(); del view")

    def test_an_unsendable_object_is_refused_and_nothing_is_put(self, queue):
        queue.put("before")
        for put in (queue.put, queue.put_nowait, lambda value: queue.put(value, timeout=1)):
            with pytest.raises(NotShareableError):
                put([Unsendable()])
        assert queue.qsize() == 1
        assert queue.get() == "before"

    def test_an_item_that_cannot_be_read_is_gone(self, queue, interp):
        interp.exec(
            dedent("""
            import sys, types
            module = types.ModuleType('only_there')
            class Local: pass
            Local.__module__ = 'only_there'
            module.Local = Local
            sys.modules['only_there'] = module
        """)
        )
        interp.prepare_main(queue=queue)
        interp.exec("queue.put(Local()); queue.put('next')")
        with pytest.raises(NotShareableError):
            queue.get()
        assert queue.get() == "next"

    def test_full(self):
        queue = create_queue(2)
        assert queue.full() is False
        queue.put(1)
        queue.put_nowait(2)
        assert queue.full() is True
        text = f"queue {queue.id} is full"
        for put in (
            lambda: queue.put_nowait(3),
            lambda: queue.put(3, False),
            lambda: queue.put(3, block=False, timeout=3600),
            lambda: queue.put(3, timeout=0),
            lambda: queue.put(3, True, 0.001),
        ):
            with pytest.raises(QueueFull, match=text):
                put()
        # A full queue says so before it looks at the object.
        with pytest.raises(QueueFull):
            queue.put_nowait(Unsendable())
        assert queue.qsize() == 2
        assert queue.get() == 1
        assert queue.full() is False

    def test_empty(self, queue):
        text = f"queue {queue.id} is empty"
        for get in (
            queue.get_nowait,
            lambda: queue.get(False),
            lambda: queue.get(block=False, timeout=3600),
            lambda: queue.get(timeout=0),
            lambda: queue.get(True, 0.001),
        ):
            with pytest.raises(QueueEmpty, match=text):
                get()

    @pytest.mark.parametrize(
        "use",
        [
            "get(1, 2, 3)",
            "get(wait=1)",
            "get(True, block=True)",
            "put()",
            "put(1, 2, 3, 4)",
            "put(1, obj=1)",
            "put(timeout=1)",
            "put_nowait(1, True)",
            "get_nowait(True)",
            "put(**{'x': 1})",
        ],
    )
    def test_wrong_arguments(self, queue, use):
        with pytest.raises(TypeError):
            eval(f"queue.{use}", {"queue": queue})
        assert queue.empty()


class TestUnboundItems:
    @pytest.fixture
    def put_by_a_dead_interpreter(self, queue):
        def put(**options):
            interp = interpreters.create()
            source = "queue.put('gone', unbounditems={})" if options else "queue.put('gone')"
            interp.prepare_main(queue=queue)
            interp.exec(
                "from atoll.interpreters import _queues as queues\n"
                + source.format(options.get("items"))
            )
            interp.close()

        return put

    @pytest.mark.parametrize("items", [None, "queues.UNBOUND"])
    def test_replaced(self, queue, put_by_a_dead_interpreter, items):
        put_by_a_dead_interpreter(**({"items": items} if items else {}))
        assert queue.qsize() == 1
        assert queue.get() is queues.UNBOUND
        assert queue.empty()

    def test_error(self, queue, put_by_a_dead_interpreter):
        put_by_a_dead_interpreter(items="queues.UNBOUND_ERROR")
        queue.put("next")
        assert queue.qsize() == 2
        with pytest.raises(queues.ItemInterpreterDestroyed):
            queue.get()
        assert queue.get() == "next"

    def test_removed_in_order(self, queue, put_by_a_dead_interpreter):
        queue.put(1)
        put_by_a_dead_interpreter(items="queues.UNBOUND_REMOVE")
        queue.put(2)
        assert queue.qsize() == 2
        assert [queue.get(), queue.get()] == [1, 2]

    def test_kept(self, queue, put_by_a_dead_interpreter):
        put_by_a_dead_interpreter(items="queues.UNBOUND_KEEP")
        assert queue.get() == "gone"

    def test_removal_makes_room_for_those_who_wait(self, interp):
        queue = create_queue(1, unbounditems=queues.UNBOUND_REMOVE)
        interp.prepare_main(queue=queue)
        interp.exec("queue.put('gone')")
        thread = threading.Thread(target=lambda: queue.put("waited"))
        thread.start()
        interp.close()
        thread.join()
        assert queue.get() == "waited"

    @pytest.mark.parametrize("name", ["UNBOUND", "UNBOUND_ERROR", "UNBOUND_REMOVE", "UNBOUND_KEEP"])
    def test_the_queue_s_default_is_shown(self, name):
        constant = getattr(queues, name)
        queue = create_queue(unbounditems=constant)
        assert queue.unbounditems is constant
        flag = crossinterp._UNBOUND_CONSTANT_TO_FLAG[getattr(crossinterp, name)]
        assert lowlevel.get_queue_defaults(queue.id) == (flag, 1)

    @pytest.mark.parametrize("bad", ["UNBOUND", 3, [], object()], ids=["str", "int", "list", "obj"])
    def test_other_constants_are_refused(self, queue, bad):
        with pytest.raises(NotImplementedError):
            create_queue(unbounditems=bad)
        with pytest.raises(NotImplementedError):
            queue.put(1, unbounditems=bad)
        assert queue.empty()

    def test_unbound_is_one_of_a_kind(self):
        assert queues.UNBOUND is not crossinterp.UNBOUND
        assert repr(crossinterp.UNBOUND).endswith("_crossinterp.UNBOUND")
        assert repr(queues.UNBOUND).endswith("_queues.UNBOUND")
        with pytest.raises(TypeError):
            type(queues.UNBOUND)()
        with pytest.raises(TypeError):
            pickle.dumps(queues.UNBOUND)
        with pytest.raises(NotShareableError):
            create_queue().put(queues.UNBOUND)


class TestReload:
    def test_reloading_leaves_everything_usable(self, run_python):
        run_python(
            "-c",
            dedent("""
            import importlib
            from atoll.interpreters import _queues as queues
            old = queues.create()
            old_empty = queues.QueueEmpty
            importlib.reload(queues)
            assert queues.QueueEmpty is not old_empty
            new = queues.create()
            for queue in (old, new):
                try:
                    queue.get_nowait()
                except queues.QueueEmpty:
                    pass
            new.put(new)
            assert new.get() is new
            assert isinstance(queues.Queue(old.id), queues.Queue)
        """),
            check=True,
        )

    def test_under_the_standard_names(self, run_python):
        run_python(
            "-c",
            dedent("""
            import atoll
            atoll.install()
            import importlib
            from concurrent import interpreters
            from concurrent.interpreters import _queues as queues, _crossinterp
            assert interpreters.create_queue is queues.create
            assert queues.Queue.__module__ == 'concurrent.interpreters._queues'
            assert repr(queues.UNBOUND) == 'concurrent.interpreters._queues.UNBOUND'
            interp = interpreters.create()
            interp.exec('import importlib\\n'
                        'from concurrent.interpreters import _queues as queues\\n'
                        'importlib.reload(queues)\\n'
                        'assert queues.Queue.__module__ == "concurrent.interpreters._queues"\\n'
                        'q = queues.create(); q.put(q); assert q.get() is q')
            atoll.uninstall()
            assert queues.Queue.__module__ == 'atoll.interpreters._queues'
        """),
            check=True,
        )

    def test_a_receiver_without_the_high_level_module(self, queue, interp):
        """Low-level functions raise the registered classes, and a Queue arrives as a Queue."""
        inner = create_queue()
        queue.put(inner)
        interp.exec(
            dedent(f"""
            import sys
            from atoll.lowlevel import queues
            assert 'atoll.interpreters' not in sys.modules
            obj, flag = queues.get({queue.id})
            from atoll.interpreters import Queue
            assert type(obj) is Queue and obj.id == {inner.id}
        """)
        )
        other = interpreters.create()
        other.exec(
            dedent(f"""
            import sys
            from atoll.lowlevel import queues
            assert 'atoll.interpreters' not in sys.modules
            try:
                queues.get({queue.id})
            except queues.QueueError as error:
                from atoll.interpreters import QueueEmpty
                assert type(error) is QueueEmpty
            else:
                assert False
        """)
        )
        other.close()
