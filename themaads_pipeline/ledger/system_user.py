"""Postgres refuses to run as root: as root (in containers) its programs and files are a system user's.

As any other user all of this does nothing.
"""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

from themaads_pipeline.exceptions import PermanentError

NAME = "embedded_postgres"


class SystemUserError(PermanentError):
    """The system user cannot be created."""


# `user=` of subprocess would fork, and gRPC's handlers of a fork may wait for ever, with the GIL, where
# channels were open (grpc/grpc#37259). Without it Python uses vfork, which calls none: the child becomes the
# other user.
_BECOME = """
import os, sys
uid, gid, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.setgroups([])
os.setgid(gid)
os.setuid(uid)
os.execv(program, sys.argv[3:])
"""


def as_system_user(command: list[str]) -> list[str]:
    """The command that runs `command`, which begins with a path, as the system user, or as we are."""
    if os.geteuid() != 0:
        return command
    user = pwd.getpwnam(NAME)
    return [sys.executable, "-IS", "-c", _BECOME, str(user.pw_uid), str(user.pw_gid), *command]


def give(path: Path) -> None:
    """Make `path` the system user's own."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(NAME)
        os.chown(path, user.pw_uid, user.pw_gid)


def make_private(folder: Path) -> None:
    """Create a folder below /tmp, where anybody could have put something else under its name before."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    owners = {os.geteuid(), pwd.getpwnam(NAME).pw_uid} if os.geteuid() == 0 else {os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
        raise SystemUserError(f"{folder} belongs to somebody else: remove it")
    give(folder)


def let_through(folder: Path, binaries: Path) -> None:
    """Let the system user, who is created if need be, reach `folder` and run what is in `binaries`.

    Parent folders (such as /root) become passable to others, and not readable.
    """
    if os.geteuid() != 0:
        return
    _create()
    for start in (folder, binaries):
        for parent in (start, *start.parents):
            _add_mode(parent, stat.S_IXOTH)
    if not binaries.stat().st_mode & stat.S_IROTH:  # installed under a strict umask
        for path in (binaries.parent, *binaries.parent.rglob("*")):
            passable = path.is_dir() or path.parent == binaries
            _add_mode(path, stat.S_IROTH | (stat.S_IXOTH if passable else 0))


def _create() -> None:
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", NAME]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  # constant
        except (OSError, subprocess.CalledProcessError) as error:
            if NAME in {user.pw_name for user in pwd.getpwall()}:  # another process was quicker
                return
            raise SystemUserError(
                f"Postgres does not run as root, and the user {NAME} cannot be created ({error}): "
                "run as another user or set THEMAADS_DATABASE_URL"
            ) from error


def _add_mode(path: Path, mode: int) -> None:
    current = path.stat().st_mode
    if current & mode != mode:
        path.chmod(current | mode)
