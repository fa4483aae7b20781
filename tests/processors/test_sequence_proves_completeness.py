"""Each process numbers its events without a gap, in a stream of its own."""

import copy
import os
import pickle
import threading

from support.running import forks

from structlog_mozdef import SequenceAdder


def numbered(adder):
    event_dict = adder(None, "info", {})
    return event_dict["stream_id"], event_dict["sequence"]


def test_numbers_have_no_gap():
    """Events count from one, without a gap."""
    adder = SequenceAdder()
    assert [numbered(adder)[1] for _ in range(100)] == list(range(1, 101))


def test_stream_is_the_same():
    """All events of a process have the same stream_id."""
    adder = SequenceAdder()
    assert len({numbered(adder)[0] for _ in range(10)}) == 1


def test_stream_cannot_be_guessed():
    """Streams have 64 random bits and are all different."""
    streams = {numbered(SequenceAdder())[0] for _ in range(100)}
    assert (len(streams), {len(stream) for stream in streams}) == (100, {16})


def test_threads_share_the_numbers():
    """Threads that log at the same time never get the same number."""
    adder = SequenceAdder()
    numbers = []
    threads = [
        threading.Thread(target=lambda: numbers.extend(numbered(adder)[1] for _ in range(2000)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 16_001))


@forks
def test_forked_child_has_a_stream_of_its_own():
    """A forked child begins another stream at one, and its parent goes on."""
    adder = SequenceAdder()
    first = numbered(adder)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, repr(numbered(adder)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        stream, number = eval(pipe.read())
    assert (stream != first[0], number, numbered(adder)) == (True, 1, (first[0], 2))


def test_copies_have_streams_of_their_own():
    """A copy, by a pickle or not, counts for itself."""
    adder = SequenceAdder()
    copies = [adder, copy.copy(adder), copy.deepcopy(adder), pickle.loads(pickle.dumps(adder))]
    assert len({numbered(each)[0] for each in copies}) == 4


def test_own_fields_are_renamed():
    """The program's own fields by these names are kept under others."""
    event_dict = SequenceAdder()(None, "info", {"stream_id": "mine", "sequence": 7})
    assert (event_dict["stream_id_2"], event_dict["sequence_2"]) == ("mine", 7)
