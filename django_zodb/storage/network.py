"""Which file systems are on other machines: there, locks and the growth of a file are not seen at once by everybody."""

from __future__ import annotations

import os
from io import FileIO

_MOUNTS = "/proc/self/mountinfo"
_DISKS = "/sys/dev/block"
_NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre", "gpfs", "beegfs", "coda", "ncpfs"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph-fuse", "fuse.s3fs", "fuse.rclone", "fuse.davfs"),
    }
)


def network_type(path: str) -> str | None:
    """The type of the network file system that ``path`` is on, or None; also where the system does not tell (macOS)."""
    if _is_on_disk(path):
        return None
    try:
        with FileIO(_MOUNTS) as file:
            mounts = os.fsdecode(file.readall())
    except OSError:
        return None
    if not [each for each in _NETWORK if f" - {each} " in mounts]:
        return None  # as mostly, and of other mounts there may be many
    found, longest = None, -1
    real = os.path.realpath(path)
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        if len(fields) < 5 or not after:
            continue
        point = fields[4].replace("\\040", " ").rstrip("/") + "/"
        if real.startswith(point) and len(point) >= longest:  # of two at one place, the later one covers the other
            found, longest = after.split(" ")[0], len(point)
    return found if found in _NETWORK else None


def _is_on_disk(path: str) -> bool:
    """Whether it is known to be on a disk of this machine: mounts may be many, and take longer to read."""
    try:
        device = os.stat(path).st_dev  # noqa: PTH116  a Path costs more
    except OSError:
        return False
    return os.path.exists(f"{_DISKS}/{os.major(device)}:{os.minor(device)}")  # noqa: PTH110
