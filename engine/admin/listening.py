"""The admin socket as a file: made private, taken over from a dead daemon, never from a live one."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import socket
import stat
import struct
from pathlib import Path
from typing import Final

from engine.errors import StartError

SOCKET_MODE: Final = 0o660
FOLDER_MODE: Final = 0o750
_CREDENTIALS: Final = struct.Struct("3i")
_PROBE_TIMEOUT_S: Final = 1.0


def peer_of(connection: socket.socket) -> tuple[int, int, int]:
    """(pid, uid, gid) of the process at the other end, as the kernel noted them at connect or listen."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return pid, uid, gid


def listen(path: Path, group: str | None) -> socket.socket:
    """A listening socket at `path`, for its owner and `group` alone; a missing folder is made.

    Raises StartError with what is in the way and what to do.
    """
    gid = _gid(group)
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _make_folder(path.parent, gid)
        # Between bind and chmod anybody could connect; the mask closes that moment.
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            listening.bind(str(path))
        finally:
            os.umask(mask)
        if gid is not None:
            os.chown(path, -1, gid)
        os.chmod(path, SOCKET_MODE)
        listening.listen(128)
        listening.setblocking(False)
    except (OSError, ValueError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StartError(f"admin.socket: cannot listen on {path}: {reason}") from error
    return listening


def remove(path: Path, listening_inode: int) -> None:
    """Take our socket file away, unless another one stands there by now."""
    with contextlib.suppress(OSError):
        if os.stat(path).st_ino == listening_inode:
            os.unlink(path)


def _remove_stale(path: Path) -> None:
    """A file that a dead daemon left behind is removed; one that somebody answers on is not."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StartError(f"admin.socket: cannot look at {path}: {error.strerror}") from error
    if not stat.S_ISSOCK(found.st_mode):
        raise StartError(f"admin.socket: {path} is there and is no socket: move it away, or set another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PROBE_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            pass
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise StartError(f"admin.socket: cannot tell whether {path} is in use: {error.strerror}") from error
        else:
            pid, _, _ = peer_of(probe)
            raise StartError(
                f"socket in use: another rfqd (pid {pid}) answers on {path}: stop it, or set another admin.socket"
            )
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StartError(f"admin.socket: cannot remove the stale {path}: {error.strerror}") from error


def _make_folder(folder: Path, gid: int | None) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=FOLDER_MODE, parents=True)
    os.chmod(folder, FOLDER_MODE)
    if gid is not None:
        os.chown(folder, -1, gid)


def _gid(group: str | None) -> int | None:
    if group is None:
        return None
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise StartError(f"admin.group: this machine has no group '{group}': create it, or leave the key out") from None
