"""The data folder of one stack: whose it is, who holds it, and what is remembered in it.

devstack.json   marks the folder as ours and remembers the ports
secrets.json    the passwords and keys, made once, readable by the owner alone
lock            held while a stack runs
logs/           one log a server
postgres/ nats/ s3/ mail/
"""

import errno
import fcntl
import os
import pwd
import secrets
import shutil
import weakref
from pathlib import Path
from typing import Literal, TypeVar

import pydantic

from devstack.errors import DataFolderError, DiskFullError, StackRunningError
from devstack.leftovers import end_leftovers
from devstack.ports import pick_port

MARKER = "devstack.json"
# What a first start that was cut short may leave in a folder of which nothing else has been made yet.
BEFORE_MARKER = {"lock", MARKER + ".new"}
FORMAT: Literal[1] = 1

# Room for a new Postgres cluster (about 50 MB), its write-ahead log (up to 256 MB) and some pictures.
NEEDED_FREE_BYTES = 512 * 1024 * 1024


class _Marker(pydantic.BaseModel):
    format: Literal[1]
    ports: dict[str, int]


class _Secrets(pydantic.RootModel[dict[str, str]]):
    pass


_Content = TypeVar("_Content", bound=pydantic.BaseModel)


class DataFolder:
    """One data folder, held by this process from `open` to `close`."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self._lock_fd: int | None = None
        self._ports: dict[str, int] = {}
        self._secrets: dict[str, str] = {}
        self._given: set[int] = set()

    def open(self) -> None:
        """Creates the folder where it is missing, checks it, and takes its lock.

        Raises DataFolderError, DiskFullError or StackRunningError.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            check_ours(self.path, may_be_empty=True)
            check_free_space(self.path)
            self._lock_fd = take_lock(self.path)
            self._given.clear()
            _close_in_forks(self)
            # Others may pass through (Postgres is another user when we are root) but see nothing.
            self.path.chmod(0o711)
            self._ports = _read(self.path / MARKER, _Marker, _Marker(format=FORMAT, ports={})).ports
            self._secrets = _read(self.path / "secrets.json", _Secrets, _Secrets({})).root
            # The marker comes before all else: a start that fails after it can be repeated.
            self._save_ports()
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            self.close()
            raise explain_os_error(error, self.path) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets the lock go; the data stays."""
        if self._lock_fd is not None:
            # By name, not by closing alone: a child forked this instant may have the descriptor still.
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)
        self._drop_descriptor()

    def _drop_descriptor(self) -> None:
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def port(self, name: str) -> int:
        """Returns the port of that name: the one of the last run while it is free, else a new one."""
        port = pick_port(self._ports.get(name), self._given)
        self._given.add(port)
        if self._ports.get(name) != port:
            self._ports[name] = port
            self._save_ports()
        return port

    def secret(self, name: str) -> str:
        """Returns the secret of that name, made on first use; safe inside a URL."""
        if name not in self._secrets:
            self._secrets[name] = secrets.token_hex(24)
            write_private(self.path / "secrets.json", _Secrets(self._secrets).model_dump_json(indent=2))
        return self._secrets[name]

    def _save_ports(self) -> None:
        write_private(self.path / MARKER, _Marker(format=FORMAT, ports=self._ports).model_dump_json(indent=2))


def reset(data_dir: Path) -> None:
    """Deletes the data of a stack; a folder that does not exist is fine.

    Raises StackRunningError while a stack runs on it, DataFolderError when it is no folder of ours.
    """
    path = data_dir.absolute()
    if not path.exists():
        return
    lock_fd = None
    try:
        check_ours(path, may_be_empty=False)
        lock_fd = take_lock(path)
        end_leftovers(path)
        # The marker goes last: until then an interrupted reset can be repeated.
        for entry in sorted(path.iterdir(), key=lambda entry: entry.name == MARKER):
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        path.rmdir()
    except OSError as error:
        raise explain_os_error(error, path) from error
    finally:
        if lock_fd is not None:
            os.close(lock_fd)


def check_ours(path: Path, *, may_be_empty: bool) -> None:
    """Raises DataFolderError unless the folder is a stack's, or new, and belongs to the user who runs this."""
    if not path.is_dir():
        raise DataFolderError(f"{path} is not a folder. Choose another data folder.")
    owner = path.stat().st_uid
    if owner != os.geteuid():
        raise DataFolderError(
            f"{path} belongs to {user_name(owner)}, but this runs as {user_name(os.geteuid())}. "
            "Run it as the owner, or choose another data folder."
        )
    if (path / MARKER).is_file():
        return
    if may_be_empty and {entry.name for entry in path.iterdir()} <= BEFORE_MARKER:
        return
    raise DataFolderError(
        f"{path} holds other files and no {MARKER}, so it is not a data folder of Linkarooie's servers. "
        "Nothing was touched. Choose an empty or a new folder."
    )


def check_free_space(path: Path) -> None:
    """Raises DiskFullError when the disk has too little room to begin with."""
    free = shutil.disk_usage(path).free
    if free < NEEDED_FREE_BYTES:
        raise DiskFullError(
            f"The disk under {path} has only {free // 1024**2} MB free; at least {NEEDED_FREE_BYTES // 1024**2} MB "
            "are needed. Free some space, or choose a data folder on another disk."
        )


def take_lock(path: Path) -> int:
    """Takes the folder's lock and returns its file descriptor; raises StackRunningError when another holds it.

    The kernel lets the lock go with the process that held it, so a killed run leaves none behind.
    """
    fd = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.read(fd, 32).decode(errors="replace").strip()
        os.close(fd)
        raise StackRunningError(path, int(holder) if holder.isdigit() else None) from error
    except BaseException:
        os.close(fd)
        raise
    os.ftruncate(fd, 0)
    os.write(fd, f"{os.getpid()}\n".encode())
    return fd


def _close_in_forks(folder: DataFolder) -> None:
    """Closes the lock's descriptor in forked children (worker pools), which else would hold the lock after us."""
    reference = weakref.ref(folder)

    def close() -> None:
        held = reference()
        if held is not None:
            held._drop_descriptor()

    os.register_at_fork(after_in_child=close)


def explain_os_error(error: OSError, path: Path) -> DataFolderError | DiskFullError:
    """Turns the system's refusal into words for a person."""
    where = error.filename or path
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"The disk under {path} is full. Free some space, then start again; the data is kept.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return DataFolderError(
            f"{where} cannot be written by {user_name(os.geteuid())} ({error.strerror}). "
            "Correct its permissions, or choose another data folder."
        )
    return DataFolderError(f"{where} cannot be used as data folder: {error.strerror}. Choose another one.")


def _read(path: Path, model: type[_Content], missing: _Content) -> _Content:
    try:
        return model.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return missing
    except pydantic.ValidationError as error:
        raise DataFolderError(
            f"{path} is damaged, or from another version. Clear the data (`make reset`) and start again."
        ) from error


def user_name(uid: int) -> str:
    """Names a user, by number where the system knows no name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def write_private(path: Path, text: str) -> None:
    """Writes a file that its owner alone can read, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(fd)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
