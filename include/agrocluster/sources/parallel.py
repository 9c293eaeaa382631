"""An ordered, bounded map over threads: one thread reads ahead, a few work, results come in order.

For work that releases the interpreter lock (inflating, Arrow). Memory stays bounded because reading stops
while enough results wait; errors surface where the results are consumed; no thread outlives the iteration.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Full, Queue
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(work: Callable[[T], R], items: Iterable[T], *, workers: int = 2, ahead: int = 4) -> Iterator[R]:
    """``work(item)`` for every item, in order.

    Args:
        items: consumed in a thread of its own, at most ``ahead`` items before the consumer.
        workers: threads that run ``work``.

    Errors of ``items`` and ``work`` are raised to the consumer at their place in the order. Closing the
    iterator early stops reading, waits for the threads and closes ``items`` if it is a generator.
    """
    waiting: Queue[Future[R] | None] = Queue(maxsize=ahead)
    stop = threading.Event()

    def put(entry: Future[R] | None) -> bool:
        while not stop.is_set():
            try:
                waiting.put(entry, timeout=0.1)
                return True
            except Full:
                continue
        return False

    def read() -> None:
        source = iter(items)
        try:
            for item in source:
                if not put(pool.submit(work, item)):
                    break
        except BaseException as error:
            failed: Future[R] = Future()
            failed.set_exception(error)
            put(failed)
        finally:
            if hasattr(source, "close"):
                source.close()
            put(None)

    with ThreadPoolExecutor(workers) as pool:
        reader = threading.Thread(target=read, name="read-ahead", daemon=True)
        reader.start()
        try:
            while (future := waiting.get()) is not None:
                yield future.result()
        finally:
            stop.set()
            reader.join()
            pool.shutdown(wait=True, cancel_futures=True)
