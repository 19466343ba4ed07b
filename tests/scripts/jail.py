"""A stand-in for Countersign's sandbox, for tests of pipelines without Countersign: Landlock and seccomp by ctypes.

The program may read and run what the system has in its usual places, read and write what it is
given, and open no socket unless it is told a TCP port.
"""

from __future__ import annotations

import ctypes
import os
import platform
import stat
import struct
from typing import Iterable

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
ALL = (1 << 15) - 1
READ = EXECUTE | READ_FILE | READ_DIR
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14
CONNECT_TCP, BIND_AND_CONNECT = 2, 3
SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/passwd",
    "/etc/nsswitch.conf",
    "/proc/self",
)
DEVICES = ("/dev/null", "/dev/urandom", "/dev/zero")


def libc() -> ctypes.CDLL:
    """Return the C library, with errno kept."""
    return ctypes.CDLL(None, use_errno=True)


def available() -> bool:
    """Tell whether this machine can do it: Linux on x86-64, Landlock with TCP rules."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    return libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), 1) >= 4


def check(result: int, what: str) -> int:
    """Return a system call's result, or raise."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def enter(reads: Iterable[str], writes: Iterable[str], ports: Iterable[int]) -> None:
    """Lock this process in, for good; for use between fork and exec."""
    c, ports = libc(), list(ports)
    rules = check(
        c.syscall(CREATE_RULESET, struct.pack("QQ", ALL, BIND_AND_CONNECT), ctypes.c_size_t(16), 0), "ruleset"
    )

    def allow(path: str, access: int) -> None:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= OF_FILES
        check(c.syscall(ADD_RULE, rules, 1, struct.pack("=Qi", access, descriptor), 0), path)
        os.close(descriptor)

    for path in SYSTEM:
        if os.path.exists(path):
            allow(path, READ)
    for path in DEVICES:
        allow(path, READ_FILE | WRITE_FILE)
    for path in reads:
        if os.path.exists(path):
            allow(path, READ)
    for path in writes:
        allow(path, ALL & ~EXECUTE)
    for port in ports:
        check(c.syscall(ADD_RULE, rules, 2, struct.pack("=QQ", CONNECT_TCP, port), 0), f"port {port}")
    check(c.prctl(38, 1, 0, 0, 0), "no_new_privs")
    check(c.syscall(RESTRICT_SELF, rules, 0), "restrict")
    os.close(rules)
    if not ports:
        deny_sockets(c)


def deny_sockets(c: ctypes.CDLL) -> None:
    """Answer socket(2), socketpair(2) excepted, with EPERM from now on."""
    program = b"".join(
        struct.pack("HBBI", *line)
        for line in (
            (0x20, 0, 0, 4),
            (0x15, 1, 0, 0xC000003E),
            (0x06, 0, 0, 0),
            (0x20, 0, 0, 0),
            (0x15, 0, 1, 41),
            (0x06, 0, 0, 0x00050001),
            (0x06, 0, 0, 0x7FFF0000),
        )
    )
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    check(c.prctl(22, 2, header, 0, 0), "seccomp")
