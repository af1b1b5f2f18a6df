"""Downloads from a server on this machine that cuts off, changes, lies, is slow, refuses, or is not there."""

from __future__ import annotations

import hashlib
import json
import random
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from file_server import Answer, FileServer, serve

from ham_mrc.data_prep.download import Fetched, choose, download
from ham_mrc.data_prep.fetch import Line
from ham_mrc.data_prep.known_files import COLLECTIONS, KnownFile
from ham_mrc.errors import HamError
from ham_mrc.progress import Bar

CONTENT = random.Random(5).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve(CONTENT) as server:
        yield server


class Trip:
    """One file's way from a server to a folder; waits are noted, not waited."""

    def __init__(self, server: FileServer, out: Path) -> None:
        self.server, self.out = server, out
        self.file = KnownFile(f"{server.url}/data/file.json", len(CONTENT), SHA256)
        self.waits: list[float] = []
        self.said: list[str] = []
        self.counted: list[int] = []
        self.totals: list[int | None] = []
        self.timeout = 5.0
        self.before: Callable[[], object] = lambda: None  # done when an answer has come, and not yet its bytes

    def run(self, base_url: str | None = None) -> Fetched:
        line = Line(self.timeout, self.progress, self.waits.append)
        (found,) = download([self.file], self.out, base_url=base_url, line=line)
        assert found.path == self.out / "file.json"
        assert found.path.read_bytes() == self.server.content
        assert self.names() == ["file.json"], "nothing else stays"
        return found

    def fails(self) -> str:
        """The message of a run that ends in one, and leaves nothing that looks finished."""
        with pytest.raises(HamError) as caught:
            self.run()
        assert not (self.out / "file.json").exists()
        return str(caught.value)

    def names(self) -> list[str]:
        return sorted(item.name for item in self.out.iterdir())

    @contextmanager
    def progress(self, title: str, *, total: int | None = None, unit: str = "") -> Iterator[Bar]:
        self.totals.append(total)
        self.before()
        yield self

    def advance(self, count: int = 1, note: str = "") -> None:
        self.counted.append(count)

    def say(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def trip(server: FileServer, tmp_path: Path) -> Trip:
    return Trip(server, tmp_path / "new" / "folder")


def test_a_whole_file(trip: Trip) -> None:
    found = trip.run()
    assert (found.how, found.bytes, found.sha256) == ("fetched", 300_000, SHA256)
    assert (trip.waits, trip.said, trip.totals) == ([], [], [300_000])
    assert sum(trip.counted) == 300_000
    assert trip.server.paths == ["/data/file.json"]


def test_what_is_there_is_checked_and_not_fetched_again(trip: Trip) -> None:
    trip.run()
    assert trip.run().how == "already there"
    assert len(trip.server.requests) == 1


def test_what_is_there_and_is_another_file_stays_as_it_is(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    target = trip.out / "file.json"
    target.write_bytes(b"my own")
    with pytest.raises(HamError) as caught:
        trip.run()
    assert str(caught.value) == (
        f"{target}: has 6 bytes, not the published 300,000; move it away and run the same command again"
    )
    target.write_bytes(bytes(300_000))
    with pytest.raises(HamError, match=f"has the SHA-256 {hashlib.sha256(bytes(300_000)).hexdigest()}, not the"):
        trip.run()
    assert target.read_bytes() == bytes(300_000)
    assert trip.server.requests == []


def test_cut_off_twice_and_gone_on_with(trip: Trip) -> None:
    trip.server.faults = [Answer(cut=100_000), Answer(cut=50_000)]
    assert trip.run().how == "fetched"
    assert trip.server.starts == [0, 100_000, 150_000]
    assert [one.get("If-Range") for one in trip.server.requests] == [None, '"one"', '"one"']
    assert trip.waits == [1, 1], "bytes came between the failures"
    assert trip.said[0] == "file.json: cut off after 100,000 of 300,000 bytes; trying again in 1 s"
    assert sum(trip.counted) == 300_000
    assert [total for total in trip.totals if total] == [300_000, 200_000, 150_000]


def test_a_later_call_goes_on(trip: Trip) -> None:
    trip.server.faults = [Answer(cut=100_000), *[Answer(status=500)] * 5]
    message = trip.fails()
    assert message == (
        f"file.json cannot be fetched from {trip.server.url.removeprefix('http://')}: the server answers 500 Internal "
        f"Server Error; fetch {trip.file.url} by hand and put it at {trip.out / 'file.json'}, or give a mirror by "
        "--base-url"
    )
    assert trip.names() == ["file.json.part", "file.json.part.json"]
    assert trip.run().how == "resumed"
    assert trip.server.starts[-1] == 100_000


def test_interrupted_it_says_what_is_kept(trip: Trip) -> None:
    trip.server.faults = [Answer(cut=100_000)]

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        list(download([trip.file], trip.out, line=Line(5, wait=interrupt)))
    assert str(caught.value) == "the same command goes on after 100,000 bytes of file.json"
    assert trip.run().how == "resumed"


def test_a_server_without_ranges_is_asked_anew(trip: Trip) -> None:
    trip.server.ranges = False
    trip.server.faults = [Answer(cut=100_000)]
    assert trip.run().how == "fetched"
    assert trip.server.starts == [0, 100_000]


@pytest.mark.parametrize("honest", [True, False], ids=["If-Range kept", "If-Range ignored"])
def test_a_file_that_changes_between_tries(trip: Trip, honest: bool) -> None:
    trip.server.faults = [Answer(cut=100_000), *[Answer(status=503)] * 5]
    trip.file = replace(trip.file, bytes=None, sha256=None)
    trip.fails()
    trip.server.content = bytes(250_000)
    trip.server.etag = '"two"'
    trip.server.checks_if_range = honest
    found = trip.run()
    assert (found.how, found.bytes) == ("fetched", 250_000)
    assert trip.server.requests[-1 if honest else -2]["If-Range"] == '"one"'


def test_dates_serve_where_tags_are_weak(trip: Trip) -> None:
    trip.server.etag, trip.server.modified = 'W/"weak"', "Tue, 15 Nov 1994 12:45:26 GMT"
    trip.server.faults = [Answer(cut=100_000)]
    trip.run()
    assert trip.server.requests[1]["If-Range"] == "Tue, 15 Nov 1994 12:45:26 GMT"


def test_bytes_of_an_unknown_version_are_used_only_under_a_checksum(trip: Trip) -> None:
    trip.server.etag = None
    trip.server.faults = [Answer(cut=100_000)]
    trip.run()
    assert trip.server.starts == [0, 100_000]
    trip.out = trip.out.with_name("other")
    trip.file = replace(trip.file, sha256=None)
    trip.server.faults = [Answer(cut=100_000)]
    trip.run()
    assert trip.server.starts[2:] == [0, 0]


def test_a_bad_beginning_is_thrown_away_and_the_file_fetched_in_one_go(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    (trip.out / "file.json.part").write_bytes(bytes(1_000))
    assert trip.run().how == "fetched"
    assert trip.server.starts == [1_000, 0]


def test_a_part_that_is_whole_is_only_checked(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    (trip.out / "file.json.part").write_bytes(CONTENT)
    assert trip.run().how == "resumed"
    assert trip.server.requests == []


def test_a_whole_part_of_a_file_of_unknown_size(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    (trip.out / "file.json.part").write_bytes(CONTENT)
    trip.file = replace(trip.file, bytes=None)
    assert trip.run().how == "resumed"
    assert trip.server.starts == [300_000], "answered with 416"


def test_a_part_that_is_too_long(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    (trip.out / "file.json.part").write_bytes(CONTENT + b"more")
    assert trip.run().how == "fetched"
    assert trip.server.starts == [300_004, 0]


def test_a_server_that_sends_another_range(trip: Trip) -> None:
    wrong = {"Content-Range": "bytes 5-299999/300000"}
    trip.server.faults = [Answer(cut=100_000), Answer(headers=wrong)]
    trip.run()
    assert trip.server.starts == [0, 100_000, 0]
    assert "another range" in trip.said[1]


def test_a_wrong_checksum_leaves_nothing(trip: Trip) -> None:
    trip.server.content = bytes(300_000)
    message = trip.fails()
    assert message == (
        f"{trip.file.url}: has the SHA-256 {hashlib.sha256(bytes(300_000)).hexdigest()}, not the published {SHA256}; "
        "it was removed; try again, or give a mirror by --base-url"
    )
    assert trip.names() == []


def test_a_wrong_size_is_seen_before_anything_is_fetched(trip: Trip) -> None:
    trip.server.content = CONTENT + b"!"
    assert trip.fails() == f"{trip.file.url}: the server's file has 300,001 bytes, the published one 300,000"
    assert trip.counted == []
    assert trip.names() == []


@pytest.mark.parametrize("how", ["chunked", "until the end"])
def test_a_server_that_does_not_say_how_long(trip: Trip, how: str) -> None:
    trip.server.chunked, trip.server.length = how == "chunked", False
    trip.server.faults = [Answer(cut=100_000)]
    assert trip.run().bytes == 300_000
    assert trip.server.starts == [0, 100_000]


def test_without_any_length_a_file_may_be_cut_off_unseen(trip: Trip) -> None:
    trip.file = replace(trip.file, bytes=None, sha256=None)
    trip.server.length = False
    assert "the server does not say how long the file is" in trip.fails()
    trip.server.chunked = True
    assert trip.run().how == "fetched"


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(trip: Trip) -> None:
    trip.timeout = 0.3
    trip.server.faults = [Answer(pause=0.0005)]
    trip.run()
    assert len(trip.counted) > 20, "progress is told as the bytes come"
    (trip.out / "file.json").unlink()
    trip.server.faults = [Answer(pause=2)]
    assert trip.run().how == "fetched"
    assert trip.said == ["file.json: cut off (no answer in time); trying again in 1 s"]


@pytest.mark.parametrize(
    ("status", "said"), [(404, "404 Not Found"), (403, "403 Forbidden"), (409, "409 Conflict"), (410, "410 Gone")]
)
def test_a_refusal_is_final(trip: Trip, status: int, said: str) -> None:
    trip.server.faults = [Answer(status=status)]
    assert f": the server answers {said}; fetch {trip.file.url} by hand and put it at" in trip.fails()
    assert trip.waits == []


def test_a_server_in_trouble_is_asked_again_ever_later(trip: Trip) -> None:
    trip.server.faults = [Answer(status=status) for status in (500, 502, 503, 504)]
    assert trip.run().how == "fetched"
    assert trip.waits == [1, 2, 4, 8]


def test_a_server_that_names_its_pause(trip: Trip) -> None:
    pauses = ("7", "3600", "Fri, 31 Dec 1999 23:59:59 GMT")
    trip.server.faults = [Answer(status=429, headers={"Retry-After": pause}) for pause in pauses]
    trip.run()
    assert trip.waits == [7, 60, 4]


def unused_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    ("host", "said"),
    [("127.0.0.1:PORT", "Connection refused"), ("no-such-host.invalid", ""), ("127.0.0.1:x", "")],
)
def test_no_network_is_one_line_at_once(tmp_path: Path, host: str, said: str) -> None:
    host = host.replace("PORT", str(unused_port()))
    file = KnownFile(f"http://{host}/file.json", 5, SHA256)
    waits: list[float] = []
    with pytest.raises(HamError) as caught:
        list(download([file], tmp_path, line=Line(wait=waits.append)))
    message = str(caught.value)
    assert message.startswith(f"file.json cannot be fetched from {host}: {said}")
    assert message.endswith(
        f"; fetch {file.url} by hand and put it at {tmp_path / 'file.json'}, or give a mirror by --base-url"
    )
    assert waits == []


def test_a_network_that_comes_back(trip: Trip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once bytes have come, a refused connection is worth another try."""
    import urllib.request

    real, calls = urllib.request.urlopen, iter([True, False, False, True])

    def urlopen(*args: object, **kwargs: object) -> object:
        if next(calls):
            return real(*args, **kwargs)  # type: ignore[arg-type]
        raise urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    trip.server.faults = [Answer(cut=100_000)]
    assert trip.run().how == "fetched"
    assert trip.waits == [1, 2, 4]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk(trip: Trip) -> None:
    trip.out.mkdir(parents=True)
    part = trip.out / "file.json.part"

    trip.before = lambda: part.symlink_to("/dev/full")
    message = trip.fails()
    remedy = "the same command goes on from what is there"
    assert message == f"{part}: cannot be written (No space left on device); {remedy}"
    trip.before = lambda: None
    assert trip.run().how == "fetched"


def test_a_folder_that_cannot_be_made(trip: Trip) -> None:
    trip.out.parent.write_bytes(b"")
    with pytest.raises(HamError, match=f"{re.escape(str(trip.out))}: cannot be made \\(Not a directory\\)"):
        trip.run()


def test_a_mirror(trip: Trip) -> None:
    trip.file = replace(trip.file, url="http://no-such-host.invalid/elsewhere/file.json")
    found = trip.run(base_url=f"{trip.server.url}/copies/")
    assert found.url == f"{trip.server.url}/copies/file.json"
    assert trip.server.paths == ["/copies/file.json"]


@pytest.mark.parametrize("address", ["file:///etc", "mirror.org/x", "ftp://mirror.org", "http://", ""])
def test_no_mirror(trip: Trip, address: str) -> None:
    with pytest.raises(HamError) as caught:
        trip.run(base_url=address)
    assert str(caught.value) == f'"{address}" is no address of a mirror; give http://... or https://...'


def test_a_part_from_elsewhere_is_not_gone_on_with_unless_checked(trip: Trip) -> None:
    trip.file = replace(trip.file, sha256=None)
    trip.out.mkdir(parents=True)
    (trip.out / "file.json.part").write_bytes(bytes(1_000))
    (trip.out / "file.json.part.json").write_text(json.dumps({"url": "http://elsewhere", "version": '"one"'}))
    trip.run()
    assert trip.server.starts == [0]


def test_all_known_files_are_well_formed() -> None:
    for name, collection in COLLECTIONS.items():
        names = [file.name for file in collection.files]
        assert len(set(names)) == len(names)
        assert collection.license
        assert collection.citation
        for file in collection.files:
            assert file.url.startswith("https://"), name
            assert file.name.endswith((".json", ".json.gz", ".zip"))
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert (file.bytes is None) == (file.sha256 is None)


def test_patterns_choose_files() -> None:
    _, files = choose("squad", ["*v2.0*", "dev-v1.1.json"])
    assert [file.name for file in files] == ["dev-v1.1.json", "train-v2.0.json", "dev-v2.0.json"]
    assert len(choose("msmarco")[1]) == 6


def test_what_is_not_known() -> None:
    with pytest.raises(HamError) as caught:
        choose("squid")
    assert str(caught.value) == 'no dataset "squid" to download; known are squad, dureader, msmarco, cmrc, drcd'
    with pytest.raises(HamError) as caught:
        choose("cmrc", ["*train*", "*test*"])
    assert str(caught.value) == ('no file of cmrc matches "*test*"; there are cmrc2018_train.json, cmrc2018_dev.json')
