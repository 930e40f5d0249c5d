"""Postgres refuses to run as root: as root (in containers) its programs and files are a system user's.

As any other user all of this does nothing.
"""

import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import TypedDict

from themaads_pipeline.exceptions import PermanentError

NAME = "embedded_postgres"


class SystemUserError(PermanentError):
    """The system user cannot be created."""


class Switch(TypedDict, total=False):
    """The arguments of `subprocess.run` that make a child run as the system user."""

    user: int
    group: int
    extra_groups: list[int]


def switch() -> Switch:
    """How to start a program of Postgres: as the system user, or as we are."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam(NAME)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Make `path` the system user's own."""
    if os.geteuid() == 0:
        user = pwd.getpwnam(NAME)
        os.chown(path, user.pw_uid, user.pw_gid)


def make_private(folder: Path) -> None:
    """Create a folder below /tmp, where anybody could have put something else under its name before."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    owners = {os.geteuid(), switch().get("user", os.geteuid())}
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
