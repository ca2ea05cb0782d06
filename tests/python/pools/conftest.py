"""Pools for tests, and what runs in them until it is stopped."""

import pytest

import atoll


@pytest.fixture(name="pool")
def pool_fixture():
    """A pool of two interpreters. What runs in it at the end of the test is stopped."""
    pool = atoll.Pool(2)
    yield pool
    pool._stop()
    pool.shutdown()


@pytest.fixture(scope="module", name="shared")
def shared_fixture():
    """A pool that no test breaks, blocks or counts on."""
    with atoll.Pool(1) as pool:
        yield pool


@pytest.fixture
def spin_until_told():
    """`spin_until_told(tx)`: a task that runs until it is stopped.

    It sends "running", then the name of the exception that it was told to stop by.
    """

    def spin(tx):
        try:
            tx.send("running")
            while True:
                pass
        except BaseException as error:
            tx.send(type(error).__name__)
            raise

    return spin
