import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from devstack import DataFolderError, DevStackError, DiskFullError, StackRunningError, reset
from devstack.folder import DataFolder, explain_os_error, write_private
from devstack.ports import FIRST_PORT, LAST_PORT, pick_port, who_listens_on
from devstack.process import LOG_LIMIT_BYTES, find_program, open_log
from servicekit.ports import is_free, listen_on


@pytest.fixture
def folder(tmp_path: Path):
    folder = DataFolder(tmp_path / "data")
    folder.open()
    yield folder
    folder.close()


def reopened(folder: DataFolder) -> DataFolder:
    folder.close()
    again = DataFolder(folder.path)
    again.open()
    return again


def test_ports_and_secrets_are_the_same_after_a_restart(folder: DataFolder):
    before = folder.port("nats"), folder.secret("nats")
    again = reopened(folder)
    assert (again.port("nats"), again.secret("nats")) == before
    again.close()


def test_a_remembered_port_that_is_taken_is_replaced_for_good(folder: DataFolder):
    port = folder.port("nats")
    with listen_on(port):
        again = reopened(folder)
        other = again.port("nats")
    assert other != port
    third = reopened(again)
    assert third.port("nats") == other
    third.close()


def test_two_names_never_share_a_port_or_a_secret(folder: DataFolder):
    assert len({folder.port(name) for name in "abcdef"}) == 6
    assert folder.secret("a") != folder.secret("b")


def test_secrets_are_readable_by_the_owner_alone(folder: DataFolder):
    folder.secret("nats")
    assert (folder.path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert (folder.path / "secrets.json").read_text().count(folder.secret("nats")) == 1


def test_ports_lie_where_the_system_takes_none_for_outgoing_connections():
    assert FIRST_PORT <= pick_port(None, set()) <= LAST_PORT


def test_the_holder_of_a_port_is_named():
    with listen_on(0) as sock:
        port = sock.getsockname()[1]
        assert not is_free(port)
        assert f"process {os.getpid()}" in who_listens_on(port)


def test_a_second_holder_is_refused_and_told_who_the_first_is(folder: DataFolder):
    with pytest.raises(StackRunningError, match=f"process {os.getpid()} runs") as refused:
        DataFolder(folder.path).open()
    assert refused.value.pid == os.getpid()
    with pytest.raises(StackRunningError):
        reset(folder.path)


HOLD_THE_FOLDER_AND_FORK = """
import os, signal, sys
from pathlib import Path
from devstack.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
folder.open()
if os.fork() == 0:
    print(os.getpid(), flush=True)
signal.pause()
"""


def test_a_killed_holder_leaves_no_lock_even_when_its_forked_child_lives_on(tmp_path: Path):
    holder = subprocess.Popen([sys.executable, "-c", HOLD_THE_FOLDER_AND_FORK, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        with pytest.raises(StackRunningError):
            DataFolder(tmp_path).open()
        holder.kill()
        holder.wait()
        after = DataFolder(tmp_path)
        after.open()
        after.close()
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataFolderError, match="holds other files"):
        DataFolder(tmp_path).open()
    with pytest.raises(DataFolderError, match="Nothing was touched"):
        reset(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path):
    (tmp_path / "data").touch()
    with pytest.raises(DataFolderError, match="Choose another"):
        DataFolder(tmp_path / "data").open()


def test_a_damaged_marker_is_named(folder: DataFolder):
    folder.close()
    (folder.path / "devstack.json").write_text("{")
    with pytest.raises(DataFolderError, match=r"devstack\.json is damaged"):
        DataFolder(folder.path).open()


def test_a_folder_of_another_user_is_refused(folder: DataFolder, monkeypatch: pytest.MonkeyPatch):
    folder.close()
    stranger = os.geteuid() + 4711
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(DataFolderError, match=f"this runs as user {stranger}"):
        DataFolder(folder.path).open()


def test_too_little_room_is_found_before_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100 * 1024**2))
    with pytest.raises(DiskFullError, match="only 100 MB free; at least 512 MB"):
        DataFolder(tmp_path).open()
    monkeypatch.undo()
    after = DataFolder(tmp_path)
    after.open()
    after.close()


def test_a_disk_that_fills_up_while_the_folder_is_made_does_not_spoil_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match="is full"):
        DataFolder(tmp_path).open()
    monkeypatch.undo()
    after = DataFolder(tmp_path)
    after.open()
    after.close()


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DiskFullError, "is full"),
        (errno.EDQUOT, DiskFullError, "is full"),
        (errno.EACCES, DataFolderError, "cannot be written by"),
        (errno.EROFS, DataFolderError, "cannot be written by"),
        (errno.ENAMETOOLONG, DataFolderError, "File name too long"),
    ],
)
def test_the_systems_refusals_are_explained(number: int, kind: type[Exception], words: str):
    explained = explain_os_error(OSError(number, os.strerror(number), "/data/x"), Path("/data"))
    assert type(explained) is kind
    assert words in str(explained)


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "file"
    write_private(path, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_reset_deletes_everything_and_may_be_repeated(folder: DataFolder):
    folder.secret("nats")
    folder.close()
    reset(folder.path)
    assert not folder.path.exists()
    reset(folder.path)


def test_a_log_that_has_grown_large_is_set_aside(tmp_path: Path):
    log = tmp_path / "nats.log"
    with open_log(log) as file:
        file.write(b"x" * (LOG_LIMIT_BYTES + 1))
    with open_log(log) as file:
        file.write(b"fresh")
    assert log.read_text() == "fresh"
    assert (tmp_path / "nats.old.log").stat().st_size == LOG_LIMIT_BYTES + 1


def test_a_program_that_is_not_installed_is_named():
    with pytest.raises(DevStackError, match="no-such-server is not installed"):
        find_program("no-such-server")
